/*
 * One command under ptrace, with one fault.
 *
 * Theory of operation. Every process of the command is stopped at the entry and the exit of each
 * system call, and the entries are counted. A call is refused by making its number -1 at the entry,
 * which the kernel answers by ENOSYS, and writing the wanted error over that at the exit. A netlink
 * message is refused by giving it a type that does not exist: the kernel carries out the rest of
 * the batch (or, for nftables, none of it), answers this one with an error that repeats the type,
 * and the error's number is written over when the answer is read. After a kill the other processes
 * go on.
 */
#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <linux/ptrace.h>

#ifndef __x86_64__
#error "registers are only known of x86-64"
#endif

#define TRACEES_MAX 32
#define NO_SUCH_TYPE 0xee /* above RTM_MAX, and of no nfnetlink subsystem */
#define TIMEOUT_S 60
#define REST_MS 1500 /* longer than the node program waits after its first failure */
#define REST_TRIES 100
#define STARVED                                                                                    \
	1000 /* restarts of one call: it waits for the kernel's routing lock, and ptrace makes it  \
		slow to grab */

struct tracee {
	pid_t pid;
	bool known;	   /* its first stop has been seen */
	unsigned int call; /* the one that it is in */
	int nr;
	bool inside;
	bool restarted;		    /* the next entry is the same call again */
	int refuse;		    /* what the call returns */
	unsigned long long patched; /* address of a message's type, 0: none */
	unsigned short type;
};

static struct tracee tracees[TRACEES_MAX];
static const struct fault *fault;
static struct run *run;
static bool resident; /* the command is one that stays */
static unsigned int rests;
static volatile sig_atomic_t timed_out;

static struct tracee *tracee(pid_t pid)
{
	struct tracee *free_one = NULL;

	for (unsigned int i = 0; i < TRACEES_MAX; i++) {
		if (tracees[i].pid == pid)
			return &tracees[i];
		if (!tracees[i].pid)
			free_one = &tracees[i];
	}
	if (!free_one)
		die("more than %d processes", TRACEES_MAX);
	*free_one = (struct tracee){ .pid = pid };
	return free_one;
}

static void on_alarm(int sig)
{
	(void)sig;
	timed_out = 1;
}

static bool peek(const struct tracee *t, unsigned long long at, void *to, size_t len)
{
	struct iovec ours = { to, len }, theirs = { (void *)(uintptr_t)at, len };

	return process_vm_readv(t->pid, &ours, 1, &theirs, 1, 0) == (ssize_t)len;
}

static void poke(const struct tracee *t, unsigned long long at, void *from, size_t len)
{
	struct iovec ours = { from, len }, theirs = { (void *)(uintptr_t)at, len };

	process_vm_writev(t->pid, &ours, 1, &theirs, 1, 0);
}

static void set_register(const struct tracee *t, size_t offset, long long value)
{
	ptrace(PTRACE_POKEUSER, t->pid, (void *)offset, (void *)value);
}

/*
 * The place of message number n of a batch of len bytes; *count is how many there are. 0: there is
 * no such message.
 */
static unsigned long long find_message(const struct tracee *t, unsigned long long at, size_t len,
				       unsigned int n, unsigned int *count)
{
	unsigned long long found = 0;
	struct nlmsghdr h;

	*count = 0;
	for (size_t used = 0; used + sizeof(h) <= len; used += NLMSG_ALIGN(h.nlmsg_len)) {
		if (!peek(t, at + used, &h, sizeof(h)) || h.nlmsg_len < sizeof(h) ||
		    h.nlmsg_len > len - used)
			return 0;
		if ((*count)++ == n)
			found = at + used;
	}
	return found;
}

static void refuse_message(struct tracee *t, unsigned long long message)
{
	unsigned short none = NO_SUCH_TYPE;
	struct nlmsghdr h;

	if (!message || !peek(t, message, &h, sizeof(h)) || h.nlmsg_type < NLMSG_MIN_TYPE + 2)
		return; /* a batch's own marks are not for refusing */
	t->patched = message + offsetof(struct nlmsghdr, nlmsg_type);
	t->type = h.nlmsg_type;
	poke(t, t->patched, &none, sizeof(none));
	run->hits++;
}

/* For good: the first message of the batch that is of the type that was refused first. */
static unsigned long long message_like_first(const struct tracee *t,
					     const struct ptrace_syscall_info *s)
{
	static unsigned short first;
	unsigned long long at;
	unsigned int count, n = 0;
	struct nlmsghdr h;

	if (run->hits == 0) {
		at = find_message(t, s->entry.args[1], s->entry.args[2], fault->message, &count);
		if (at && peek(t, at, &h, sizeof(h)))
			first = h.nlmsg_type;
		return at;
	}
	while ((at = find_message(t, s->entry.args[1], s->entry.args[2], n++, &count)) != 0) {
		if (peek(t, at, &h, sizeof(h)) && h.nlmsg_type == first)
			return at;
	}
	return 0;
}

static bool is_struck(const struct tracee *t, int nr)
{
	static int first;

	if (t->call == fault->call) {
		first = nr;
		run->struck = nr;
		return true;
	}
	return fault->forever && run->hits && t->call > fault->call && nr == first;
}

static void strike(struct tracee *t, const struct ptrace_syscall_info *s)
{
	int nr = (int)s->entry.nr;

	switch (fault->kind) {
	case FAULT_KILL_BEFORE:
		kill(t->pid, SIGKILL);
		run->hits++;
		break;
	case FAULT_REFUSE:
		t->refuse = fault->errnum;
		run->hits++;
		if ((nr == SYS_write || nr == SYS_writev) && s->entry.args[0] <= STDERR_FILENO)
			run->answer_refused = true;
		if (nr != SYS_close) /* close() always closes, whatever it returns (fs/open.c) */
			set_register(t, offsetof(struct user_regs_struct, orig_rax), -1);
		break;
	case FAULT_REFUSE_MESSAGE:
		if (nr == SYS_sendto)
			refuse_message(t, message_like_first(t, s));
		break;
	case FAULT_ACT:
		run->hits++;
		fault->act();
		break;
	case FAULT_NONE:
	case FAULT_KILL_AFTER:
		break;
	}
}

/*
 * A program that stays is told to end when it would sleep for long: it has done all, or what it
 * tries again goes on to fail. One that does not hear it, since just that is refused, is killed.
 */
static void end_resident(const struct tracee *t, const struct ptrace_syscall_info *s)
{
	int timeout_ms = (int)s->entry.args[2];

	if (!resident || s->entry.nr != SYS_poll || (timeout_ms >= 0 && timeout_ms < REST_MS))
		return;
	kill(t->pid, rests++ < REST_TRIES ? SIGTERM : SIGKILL);
}

static void enter(struct tracee *t, const struct ptrace_syscall_info *s)
{
	unsigned int messages = 0;

	t->inside = true;
	if (t->restarted) {
		t->restarted = false;
		run->restarts++;
		return;
	}
	run->restarts = 0;
	t->call = run->calls++;
	t->nr = run->last = (int)s->entry.nr;
	if (run->trace && t->call < CALLS_MAX) {
		if (s->entry.nr == SYS_sendto)
			find_message(t, s->entry.args[1], s->entry.args[2], 0, &messages);
		run->trace[t->call] =
			(struct call){ .nr = (int)s->entry.nr,
				       .messages = messages,
				       .to_stdout = s->entry.nr == SYS_write &&
						    s->entry.args[0] == STDOUT_FILENO };
	}
	if (is_struck(t, (int)s->entry.nr))
		strike(t, s);
	end_resident(t, s);
}

/* The answers to refused messages: their number is the kernel's, until here. */
static void rewrite_errors(const struct tracee *t, unsigned long long at, size_t len)
{
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
	} m;

	for (size_t used = 0; used + sizeof(m.h) <= len; used += NLMSG_ALIGN(m.h.nlmsg_len)) {
		if (!peek(t, at + used, &m.h, sizeof(m.h)) || m.h.nlmsg_len < sizeof(m.h))
			return;
		if (m.h.nlmsg_type != NLMSG_ERROR || len - used < sizeof(m) ||
		    !peek(t, at + used, &m, sizeof(m)) || m.e.msg.nlmsg_type != NO_SUCH_TYPE ||
		    m.e.error >= 0)
			continue;
		m.e.error = -fault->errnum;
		poke(t, at + used, &m, sizeof(m));
	}
}

static void rewrite_datagram(const struct tracee *t, unsigned long long header, size_t len)
{
	struct msghdr h;
	struct iovec v;

	if (peek(t, header, &h, sizeof(h)) && peek(t, (uintptr_t)h.msg_iov, &v, sizeof(v)))
		rewrite_errors(t, (uintptr_t)v.iov_base, len);
}

/* What the call returned: bytes; datagrams of recvmmsg(). */
static void rewrite_answer(const struct tracee *t, long long len)
{
	struct user_regs_struct regs;
	struct mmsghdr m;

	if (len <= 0 || ptrace(PTRACE_GETREGS, t->pid, NULL, &regs) < 0)
		return;
	if (regs.orig_rax == SYS_recvfrom)
		rewrite_errors(t, regs.rsi, (size_t)len);
	if (regs.orig_rax == SYS_recvmsg)
		rewrite_datagram(t, regs.rsi, (size_t)len);
	for (long long i = 0; regs.orig_rax == SYS_recvmmsg && i < len; i++) {
		unsigned long long at = regs.rsi + (unsigned long long)i * sizeof(m);

		if (peek(t, at, &m, sizeof(m)))
			rewrite_datagram(t, at, m.msg_len);
	}
}

static void leave(struct tracee *t, const struct ptrace_syscall_info *s)
{
	if (!t->inside)
		return;
	t->inside = false;
	/*
	 * ERESTARTSYS and its kin; a sysctl that finds the routing lock taken restarts a thousand
	 * times (addrconf_fixup_forwarding())
	 */
	t->restarted = s->exit.rval <= -512 && s->exit.rval >= -516 && !t->refuse;
	if (t->refuse) {
		set_register(t, offsetof(struct user_regs_struct, rax), -t->refuse);
		t->refuse = 0;
	}
	if (t->patched) {
		poke(t, t->patched, &t->type, sizeof(t->type));
		t->patched = 0;
	}
	if (fault->kind == FAULT_REFUSE_MESSAGE && run->hits)
		rewrite_answer(t, s->exit.rval);
	if (fault->kind == FAULT_KILL_AFTER && t->call == fault->call) {
		kill(t->pid, SIGKILL);
		run->hits++;
	}
}

/* Returns the signal to pass on. */
static int at_stop(struct tracee *t, int status)
{
	struct ptrace_syscall_info s;

	if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
		if (ptrace(PTRACE_GET_SYSCALL_INFO, t->pid, sizeof(s), &s) <= 0)
			return 0;
		if (s.op == PTRACE_SYSCALL_INFO_ENTRY)
			enter(t, &s);
		else if (s.op == PTRACE_SYSCALL_INFO_EXIT)
			leave(t, &s);
		return 0;
	}
	if (status >> 16 || (!t->known && WSTOPSIG(status) == SIGSTOP)) {
		t->known = true;
		return 0;
	}
	return WSTOPSIG(status);
}

static void kill_all(void)
{
	for (unsigned int i = 0; i < TRACEES_MAX; i++)
		if (tracees[i].pid)
			kill(tracees[i].pid, SIGKILL);
}

/*
 * A netlink request, a piece of a dump (made inside recvmsg()), or the write of a sysctl, that does
 * not come back waits for another's lock in the kernel, whatever we did.
 */
static bool is_inside(int nr)
{
	for (unsigned int i = 0; i < TRACEES_MAX; i++)
		if (tracees[i].pid && tracees[i].inside && tracees[i].nr == nr)
			return true;
	return false;
}

static void follow(pid_t root)
{
	int status, sig;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, __WALL);
		if (timed_out && !run->hung && !run->starved) {
			run->starved = run->restarts > STARVED || is_inside(SYS_sendto) ||
				       is_inside(SYS_recvmsg) || is_inside(SYS_write);
			run->hung = !run->starved;
			kill_all();
		}
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0)
			return;
		if (WIFSTOPPED(status)) {
			sig = at_stop(tracee(pid), status);
			ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)sig);
			continue;
		}
		tracee(pid)->pid = 0;
		if (pid == root) {
			run->killed = WIFSIGNALED(status);
			run->status =
				WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
	}
}

static void child(const struct command *c, int in, int out, int err)
{
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	execve(c->argv[0], c->argv, c->env);
	_exit(127);
}

/* The first stop is our own SIGSTOP; what is counted begins behind execve(). */
static void begin(pid_t pid)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC |
			     PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
	int status;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)options) < 0)
		die("ptrace: %s", strerror(errno));
	tracee(pid)->known = true;
	ptrace(PTRACE_CONT, pid, NULL, NULL);
}

static void read_back(int fd, char *to, size_t cap)
{
	ssize_t n = pread(fd, to, cap - 1, 0);

	to[n > 0 ? n : 0] = '\0';
	close(fd);
}

void trace_run(const struct command *c, const struct fault *f, struct run *r)
{
	const struct itimerval limit = { .it_value = { TIMEOUT_S, 0 }, .it_interval = { 1, 0 } },
			       off = { 0 };
	struct call *trace = r->trace;
	int in = memfd_create("stdin", MFD_CLOEXEC), out = memfd_create("stdout", MFD_CLOEXEC);
	int err = memfd_create("stderr", MFD_CLOEXEC);
	pid_t pid;

	memset(tracees, 0, sizeof(tracees));
	memset(r, 0, sizeof(*r));
	r->trace = trace;
	run = r;
	fault = f;
	resident = c->resident;
	rests = 0;
	timed_out = 0;
	if (c->input && write(in, c->input, strlen(c->input)) < 0)
		die("standard input: %s", strerror(errno));
	lseek(in, 0, SEEK_SET);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	pid = fork();
	if (pid == 0)
		child(c, in, out, err);
	begin(pid);
	setitimer(ITIMER_REAL, &limit, NULL);
	follow(pid);
	setitimer(ITIMER_REAL, &off, NULL);
	close(in);
	read_back(out, r->out, sizeof(r->out));
	read_back(err, r->err, sizeof(r->err));
	if (r->hung)
		printf("# %s hung for %d s in call %u, number %d\n", c->argv[0], TIMEOUT_S,
		       r->calls - 1, r->last);
}
