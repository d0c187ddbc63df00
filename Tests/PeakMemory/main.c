// peak-memory FILE PROGRAM ARGUMENTS...: runs a program to its end and writes to FILE its exit code (or minus its
// signal), the kilobytes it had resident at most, and the microseconds it took.
//
// Linux counts the peak of whoever starts a program as the program's; this one has next to none.
#define _GNU_SOURCE
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  long start = microseconds();
  pid_t child;
  if (posix_spawn(&child, argv[2], NULL, NULL, argv + 2, environ) != 0) return 1;
  int status;
  struct rusage usage;
  while (wait4(child, &status, 0, &usage) < 0)
    if (errno != EINTR) return 1;
  long time = microseconds() - start, peak = usage.ru_maxrss;
#ifdef __APPLE__
  peak /= 1024;
#endif
  FILE *file = fopen(argv[1], "w");
  if (!file) return 1;
  fprintf(file, "%d %ld %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), peak, time);
  return fclose(file) ? 1 : 0;
}
