/* The program's own code in memory. */
#ifndef BASE_CODE_H
#define BASE_CODE_H

/*
 * Unmap the pages of code and constants (madvise(2), MADV_DONTNEED): what runs next maps its own
 * again from the page cache. For a program that has done much and goes on to wait: its beginning
 * no longer counts as resident.
 */
void code_release(void);

#endif
