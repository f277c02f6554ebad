/*
 * What the linker marked read-only after relocation (PT_GNU_RELRO): tables of pointers and the GOT.
 */
#ifndef BASE_RELRO_H
#define BASE_RELRO_H

/*
 * Make these pages of the program read-only. A dynamic loader does it; musl's start code of a
 * static program does not. A kernel that refuses leaves them writable, as they were.
 */
void relro_protect(void);

#endif
