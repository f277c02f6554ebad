/*
 * assert() that says where, and no more: the texts of what was asserted are as large as the code
 * around them.
 */
#undef assert
#define assert(holds) ((holds) ? (void)0 : assert_failed(__FILE__, __LINE__))

#ifndef SMALL_ASSERT_H
#define SMALL_ASSERT_H

_Noreturn void assert_failed(const char *file, int line);

#endif
