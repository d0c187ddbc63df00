import CEditLine
import Foundation

/// Gives the C library a locale in which wide characters are Unicode.
///
/// Under `LANG=C`, or when the named locale is not installed, libedit drops every non-ASCII character,
/// and `wcwidth` does not know how wide one is.
/// Only `LC_CTYPE` is set: numbers keep their decimal point.
enum UTF8Locale {
  /// Takes the environment's locale, else the first UTF-8 one there is; call before anything else.
  static func activate() {
    for name in ["", "C.UTF-8", "en_US.UTF-8", "UTF-8"] {
      guard setlocale(LC_CTYPE, name) != nil, let codeset = nl_langinfo(nl_item(CODESET)) else {
        continue
      }
      if String(cString: codeset) == "UTF-8" { return }
    }
  }
}
