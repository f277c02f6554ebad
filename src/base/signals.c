/* Signals of this process and of those that it starts: see signals.h. */
#include "base/signals.h"

#include <signal.h>
#include <stddef.h>

void signals_begin(void)
{
	sigset_t none;

	sigemptyset(&none);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

void signals_before_exec(void)
{
	signal(SIGPIPE, SIG_DFL);
}

void signals_after_exec(void)
{
	signal(SIGPIPE, SIG_IGN);
}
