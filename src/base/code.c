/* The program's own code: see code.h. */
#include "base/code.h"

#include <stdint.h>
#include <unistd.h>
#include <sys/mman.h>

/* The linker's names for the program's first byte and for the one behind its code. */
extern const char __executable_start[], etext[];

void code_release(void)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	const uintptr_t first = (uintptr_t)__executable_start & ~(page - 1);
	const uintptr_t end = ((uintptr_t)etext + page - 1) & ~(page - 1);

	/* Nothing in there was ever written to, so nothing can be lost; a refusal costs memory
	 * only. */
	(void)madvise((void *)first, end - first, MADV_DONTNEED);
}
