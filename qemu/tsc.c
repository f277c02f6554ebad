/*
 * tsc: prints the rate of this machine's time stamp counter in kHz. A guest
 * without KVM sees that counter; it is told the rate (tsc_early_khz=), because what
 * it measures itself while it boots on a busy host may be far off.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define WAIT_NS 30000000
#define CLOSE_CYCLES 5000

struct moment {
	uint64_t cycles;
	int64_t ns;
};

/* Both clocks at one time: tried again when something came between. */
static struct moment moment_take(void)
{
	struct timespec t;
	uint64_t before, after;
	int tries = 1000;

	do {
		before = __rdtsc();
		clock_gettime(CLOCK_MONOTONIC_RAW, &t);
		after = __rdtsc();
	} while (after - before > CLOSE_CYCLES && --tries > 0);
	return (struct moment){ before, (int64_t)t.tv_sec * 1000000000 + t.tv_nsec };
}

int main(void)
{
	struct timespec wait = { .tv_nsec = WAIT_NS };
	struct moment from = moment_take(), to;

	nanosleep(&wait, NULL);
	to = moment_take();
	printf("%.0f\n", (double)(to.cycles - from.cycles) * 1e6 / (double)(to.ns - from.ns));
	return 0;
}
