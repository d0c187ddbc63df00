// libedit and the few C interfaces Swift cannot reach by itself.
//
// el_set, el_get and history are variadic, which Swift does not import; stdin, stdout and stderr are
// mutable globals, which Swift 6 refuses. Only what NetBSD's libedit of 2012 (macOS) has is used.
#pragma once

#include <histedit.h>
#include <locale.h>
#include <stdio.h>
#include <wchar.h>

typedef int (*editline_getc)(EditLine *, wchar_t *);
typedef char *(*editline_prompt)(EditLine *);
typedef unsigned char (*editline_function)(EditLine *, int);

static inline FILE *editline_stdin(void) { return stdin; }
static inline FILE *editline_stdout(void) { return stdout; }
static inline FILE *editline_stderr(void) { return stderr; }

static inline int editline_set_string(EditLine *el, int op, const char *value) {
  return el_set(el, op, value);
}
static inline int editline_set_flag(EditLine *el, int op, int value) {
  return el_set(el, op, value);
}
static inline int editline_refresh(EditLine *el) { return el_set(el, EL_REFRESH); }
static inline int editline_set_client(EditLine *el, void *client) {
  return el_set(el, EL_CLIENTDATA, client);
}
static inline void *editline_client(EditLine *el) {
  void *client = NULL;
  el_get(el, EL_CLIENTDATA, &client);
  return client;
}
/// `op` is EL_PROMPT or EL_RPROMPT; `literal` brackets bytes that take no room on the screen.
static inline int editline_set_prompt(EditLine *el, int op, editline_prompt prompt, char literal) {
  return el_set(el, op == EL_PROMPT ? EL_PROMPT_ESC : EL_RPROMPT_ESC, prompt, literal);
}
/// el_wset, because el_set makes Apple's libedit cut characters to 8 bits.
static inline int editline_set_getc(EditLine *el, editline_getc getc) {
  return el_wset(el, EL_GETCFN, getc);
}
static inline int editline_add_function(
    EditLine *el, const char *name, const char *help, editline_function function) {
  return el_set(el, EL_ADDFN, name, help, function);
}
static inline int editline_bind(EditLine *el, const char *key, const char *function) {
  return el_set(el, EL_BIND, key, function, NULL);
}
/// Terminal modes while editing: keys as typed, Enter apart from Ctrl-J, no signals. And between lines:
/// keys are kept for the next line, unseen and untranslated, while Ctrl-C and Ctrl-Z are signals.
static inline int editline_set_modes(EditLine *el) {
  if (el_set(el, EL_SETTY, "-d", "-inlcr", "-icrnl", "-isig", NULL) != 0) return -1;
  return el_set(el, EL_SETTY, "-x", "-icanon", "-echo", "-inlcr", "-icrnl", NULL);
}
/// Columns of a character; declared here because the headers hide it without _XOPEN_SOURCE, which a
/// module cannot set by itself.
static inline int editline_columns(wchar_t character) {
  extern int wcwidth(wchar_t);
  return wcwidth(character);
}
/// On: the modes of editing; off: those between lines.
static inline int editline_edit_modes(EditLine *el, int on) {
  return el_set(el, EL_PREP_TERM, on);
}
/// Moves the cursor within the line; the old libedit of macOS has no el_cursor, but both hand out
/// their own line here.
static inline void editline_move_cursor(EditLine *el, int by) {
  LineInfoW *line = (LineInfoW *)(void *)el_wline(el);
  const wchar_t *to = line->cursor + by;
  if (to < line->buffer) to = line->buffer;
  if (to > line->lastchar) to = line->lastchar;
  line->cursor = to;
}
static inline int editline_set_history(EditLine *el, History *h) {
  return el_set(el, EL_HIST, history, h);
}
static inline int editline_history_set_size(History *h, int size) {
  HistEvent event;
  return history(h, &event, H_SETSIZE, size);
}
static inline int editline_history_enter(History *h, const char *line) {
  HistEvent event;
  return history(h, &event, H_ENTER, line);
}
