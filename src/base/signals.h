/*
 * Signals: a process begins with what its caller left, a mask and dispositions that nobody chose.
 */
#ifndef BASE_SIGNALS_H
#define BASE_SIGNALS_H

/*
 * Begin anew: nothing is blocked; SIGPIPE is ignored, so that a write that nobody reads fails
 * (EPIPE) and what was done can be undone; SIGCHLD and SIGALRM are at their defaults: a caller that
 * ignores or blocks them would make exit statuses and time limits disappear. All others stay as the
 * caller chose: a background job of a shell ignores SIGINT, and what it executes does, too.
 */
void signals_begin(void);

/* Around the start of another program, which would inherit an ignored SIGPIPE (execve(2)). */
void signals_before_exec(void);
void signals_after_exec(void);

#endif
