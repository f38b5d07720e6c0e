/*-------------------------------------------------------------------------
 *
 * memcheck.h
 *	  Valgrind's header of that name, for a server built under ASan.
 *
 * With USE_VALGRIND the allocators and the buffer manager of the server
 * tell, through these macros, which bytes nobody may touch: what lies
 * behind a chunk, what was freed or reset, a page without a pin.  Here that
 * goes to ASan, which then sees an overrun of palloc() as it sees one of
 * malloc().  ASan does not follow which bytes were never written: those
 * questions are left unasked.
 *
 *-------------------------------------------------------------------------
 */
#ifndef MEMCHECK_H
#define MEMCHECK_H

#include <sanitizer/asan_interface.h>

#define VALGRIND_MAKE_MEM_NOACCESS(addr, size)			ASAN_POISON_MEMORY_REGION(addr, size)
#define VALGRIND_MAKE_MEM_UNDEFINED(addr, size)			ASAN_UNPOISON_MEMORY_REGION(addr, size)
#define VALGRIND_MAKE_MEM_DEFINED(addr, size)			ASAN_UNPOISON_MEMORY_REGION(addr, size)
#define VALGRIND_CHECK_MEM_IS_DEFINED(addr, size)		do {} while (0)
#define VALGRIND_CREATE_MEMPOOL(pool, redzone, zeroed)	do {} while (0)
#define VALGRIND_DESTROY_MEMPOOL(pool)					do {} while (0)
#define VALGRIND_MEMPOOL_ALLOC(pool, addr, size)		ASAN_UNPOISON_MEMORY_REGION(addr, size)
/* wipe_mem() poisons what is freed, and knows its size */
#define VALGRIND_MEMPOOL_FREE(pool, addr)				do {} while (0)
#define VALGRIND_MEMPOOL_CHANGE(pool, old, addr, size)	ASAN_UNPOISON_MEMORY_REGION(addr, size)

#endif							/* MEMCHECK_H */
