/*
 * Running the calls and taking their times: a header of its own, because the bench's names are not
 * the sweep's.
 */
#ifndef SOAK_TIMES_H
#define SOAK_TIMES_H

#include <stddef.h>

/*
 * A series for each kind of call. The yardstick is a veth pair that ip makes and deletes: what the
 * machine itself costs just now.
 */
enum { YARD_ADD, YARD_DEL, ADD_OF_ROW };
#define DEL_OF_ROW (ADD_OF_ROW + 1)
#define SERIES_MAX 32
#define UNTIMED SERIES_MAX

/* In ms; 0: never called. */
struct block_times {
	double median[SERIES_MAX];
	double quick[SERIES_MAX]; /* a tenth of the calls took less */
};

/* Returns the exit status; what it said is of stdout and stderr. */
int times_call(char *const argv[], char *const env[], const char *input, unsigned int which,
	       char *said, size_t size);
void times_yardstick(const char *netns); /* in that namespace, which nobody else uses */
struct block_times times_of_block(void); /* since the last block */

#endif
