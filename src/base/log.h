/*
 * The log: lines of text to stderr and, where a plugin's configuration names one, to a file that
 * rotates by size.
 *
 * stdout is never written here: it belongs to the protocol. One line is one write(), so lines of
 * parallel processes do not mix. A log that cannot be written never fails a call.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Who speaks: put in front of every line (applet name). Borrowed. */
void log_name(const char *name);

/*
 * Also write to path (made with mode 0640; a symbolic link or a file that is not regular is refused
 * with a warning on stderr). When the file has reached max_bytes it is renamed to path.1 (replacing
 * that) and begun anew; 0: never. Lines above level are not written.
 */
void log_file(const char *path, enum log_level level, size_t max_bytes);

/* "error", "warn" (or "warning"), "info", "debug". */
bool log_level_parse(const char *s, enum log_level *out);

/* What stderr gets: warnings and errors, unless a daemon, whose log it is, wants more. */
void log_stderr(enum log_level level);

/* stderr and the file get what their levels let through. */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
