/* Read-only relocations of a static program: see relro.h. */
#include "base/relro.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* The first object is the program itself. Pages that the segment shares with data stay writable. */
static int protect(struct dl_phdr_info *info, size_t size, void *arg)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)arg;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t from = (info->dlpi_addr + ph->p_vaddr) & -page;
		uintptr_t to = (info->dlpi_addr + ph->p_vaddr + ph->p_memsz) & -page;

		if (ph->p_type == PT_GNU_RELRO && to > from)
			(void)mprotect((void *)from, to - from, PROT_READ);
	}
	return 1;
}

void relro_protect(void)
{
	dl_iterate_phdr(protect, NULL);
}
