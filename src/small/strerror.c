/*
 * What errno says. The C library knows all 130; here are those of the calls that this program
 * makes.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#define ERRORS(X)                                                                                  \
	X(E2BIG, "Argument list too long")                                                         \
	X(EACCES, "Permission denied")                                                             \
	X(EADDRINUSE, "Address in use")                                                            \
	X(EADDRNOTAVAIL, "Address not available")                                                  \
	X(EAFNOSUPPORT, "Address family not supported by protocol")                                \
	X(EAGAIN, "Resource temporarily unavailable")                                              \
	X(EBADF, "Bad file descriptor")                                                            \
	X(EBUSY, "Resource busy")                                                                  \
	X(ECHILD, "No child process")                                                              \
	X(EDQUOT, "Quota exceeded")                                                                \
	X(EEXIST, "File exists")                                                                   \
	X(EFBIG, "File too large")                                                                 \
	X(EHOSTUNREACH, "Host is unreachable")                                                     \
	X(EINTR, "Interrupted system call")                                                        \
	X(EINVAL, "Invalid argument")                                                              \
	X(EIO, "I/O error")                                                                        \
	X(EISDIR, "Is a directory")                                                                \
	X(ELOOP, "Symbolic link loop")                                                             \
	X(EMFILE, "No file descriptors available")                                                 \
	X(EMLINK, "Too many links")                                                                \
	X(EMSGSIZE, "Message too large")                                                           \
	X(ENAMETOOLONG, "Filename too long")                                                       \
	X(ENETDOWN, "Network is down")                                                             \
	X(ENETUNREACH, "Network unreachable")                                                      \
	X(ENFILE, "Too many open files in system")                                                 \
	X(ENOBUFS, "No buffer space available")                                                    \
	X(ENODEV, "No such device")                                                                \
	X(ENOENT, "No such file or directory")                                                     \
	X(ENOEXEC, "Exec format error")                                                            \
	X(ENOMEM, "Out of memory")                                                                 \
	X(ENOSPC, "No space left on device")                                                       \
	X(ENOSYS, "Function not implemented")                                                      \
	X(ENOTCONN, "Socket not connected")                                                        \
	X(ENOTDIR, "Not a directory")                                                              \
	X(ENOTEMPTY, "Directory not empty")                                                        \
	X(ENOTSUP, "Not supported")                                                                \
	X(ENOTTY, "Not a tty")                                                                     \
	X(ENXIO, "No such device or address")                                                      \
	X(EOVERFLOW, "Value too large for data type")                                              \
	X(EPERM, "Operation not permitted")                                                        \
	X(EPIPE, "Broken pipe")                                                                    \
	X(EPROTO, "Protocol error")                                                                \
	X(EPROTONOSUPPORT, "Protocol not supported")                                               \
	X(ERANGE, "Result not representable")                                                      \
	X(EROFS, "Read-only file system")                                                          \
	X(ESRCH, "No such process")                                                                \
	X(ESTALE, "Stale file handle")                                                             \
	X(ETIMEDOUT, "Operation timed out")                                                        \
	X(ETXTBSY, "Text file busy")                                                               \
	X(EXDEV, "Cross-device link")
#define NUMBER(number, text) number,
#define TEXT(number, text) text "\0"

char *strerror(int number)
{
	static const unsigned char numbers[] = { ERRORS(NUMBER) };
	static const char texts[] = ERRORS(TEXT);
	static char other[] = "error 000";
	const char *text = texts;

	for (size_t i = 0; i < sizeof(numbers); i++, text += strlen(text) + 1) {
		if (numbers[i] == number)
			return (char *)(uintptr_t)text;
	}
	for (size_t i = 9; i-- > 6; number /= 10)
		other[i] = (char)('0' + number % 10);
	return other;
}
