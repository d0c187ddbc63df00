import Foundation

/// The three streams a program is started with.
enum StandardStreams {
  /// Takes the place of those that are closed.
  ///
  /// The next file opened would become standard output or error otherwise, and what is said there would end
  /// up in it. Each is opened the wrong way round, so that using it is still the error it was.
  static func holdPlaces() {
    for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO]
    where fcntl(stream, F_GETFD) < 0 && errno == EBADF {
      // The lowest number that is free is this one.
      _ = open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY)
    }
  }
}
