/*
 * window_fuzz.c
 *		Throws mutated texts and bytes at time_window and resource_window, under
 *		ASan and UBSan.
 *
 *	test/fuzz/windows.sh [seconds [seed]]
 *
 * This is a library to preload into the server's own program: it runs in place
 * of main(), so that dates, zones, settings and errors are those of the real
 * server, while nothing is served and no cluster is needed.  Only memory is
 * replaced: a palloc of the extension is a malloc, so that ASan sees every
 * overrun of it.
 *
 * A text is accepted exactly if the server reads its halves, and as the same
 * instants; a value comes back from its text under any session's settings, and
 * from its bytes; operators, hashes, sorting and index pages agree about it.
 * What is refused has a code of class 22 and a short message.  Every input
 * finishes, and memory does not grow.  Anything else aborts, and the input is
 * printed; the same seed finds it again.
 */
#include "postgres.h"
#include "compat.h"

#include <ctype.h>
#include <dlfcn.h>
#include <sanitizer/asan_interface.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "window_fuzz.h"

extern size_t __sanitizer_get_current_allocated_bytes(void);
extern int	__libc_start_main(int (*program) (int, char **, char **), int argc, char **argv,
							  void (*init) (void), void (*fini) (void), void (*rtld_fini) (void), void *stack_end);

/* ---------- memory of the extension: one malloc each, freed after each input ---------- */

#define BLOCK_MAGIC UINT64CONST(0x77696e646f770a01)

/* stands before what palloc returns, poisoned: only the functions so marked may touch it */
typedef struct Block
{
	struct Block *next;
	struct Block *prev;
	Size		size;			/* keeps the whole a multiple of 16 */
	uint64		magic;			/* last, where a chunk of the server has its header */
} Block;

#define TOUCHES_BLOCKS __attribute__((no_sanitize("address")))

static Block blocks = {&blocks, &blocks};

extern void *__wrap_palloc(Size size);
extern void *__wrap_palloc0(Size size);
extern char *__wrap_pstrdup(const char *text);
extern char *__wrap_pnstrdup(const char *text, Size length);
extern void __wrap_pfree(void *pointer);
extern void __real_pfree(void *pointer);

TOUCHES_BLOCKS void *
__wrap_palloc(Size size)
{
	Block	   *block = malloc(sizeof(Block) + size);

	block->next = blocks.next;
	block->prev = &blocks;
	block->size = size;
	block->magic = BLOCK_MAGIC;
	block->next->prev = block;
	blocks.next = block;
	ASAN_POISON_MEMORY_REGION(block, sizeof(Block));
	return block + 1;
}

void *
__wrap_palloc0(Size size)
{
	return memset(__wrap_palloc(size), 0, size);
}

char *
__wrap_pnstrdup(const char *text, Size length)
{
	char	   *copy;

	length = strnlen(text, length);
	copy = memcpy(__wrap_palloc(length + 1), text, length);
	copy[length] = '\0';
	return copy;
}

char *
__wrap_pstrdup(const char *text)
{
	return __wrap_pnstrdup(text, strlen(text));
}

TOUCHES_BLOCKS void
__wrap_pfree(void *pointer)
{
	Block	   *block = (Block *) pointer - 1;

	if (((uint64 *) pointer)[-1] != BLOCK_MAGIC)
	{
		__real_pfree(pointer);
		return;
	}
	block->next->prev = block->prev;
	block->prev->next = block->next;
	free(block);
}

MemoryContext work;

TOUCHES_BLOCKS static void
free_all(void)
{
	while (blocks.next != &blocks)
		__wrap_pfree(blocks.next + 1);
	MemoryContextReset(work);
}

/* the server's cache of time zones */
static size_t
zones_in_use(void)
{
	for (MemoryContext child = TopMemoryContext->firstchild; child != NULL; child = child->nextchild)
		if (child->ident != NULL && strcmp(child->ident, "Timezones") == 0)
			return MemoryContextMemAllocated(child, true);
	return 0;
}

/* ---------- failing ---------- */

Run		   *run;
const char *input = "";
int			input_length;
const char *output;
static const char *const *session;

/* ASan, UBSan and must() all end here */
static void
on_abort(int signal_number)
{
	fprintf(stderr, "input %lu of seed " UINT64_FORMAT ", TimeZone %s, DateStyle %s, %d bytes: ",
			run->inputs, run->seed, session ? session[0] : "?", session ? session[1] : "?", input_length);
	for (int i = 0; i < input_length; i++)
		fprintf(stderr, input[i] == '\\' || !isprint((unsigned char) input[i]) ? "\\x%02x" : "%c", (unsigned char) input[i]);
	fprintf(stderr, "%s%s\n", output ? "\nwritten as " : "", output ? output : "");
	signal(signal_number, SIG_DFL);
}

static void
on_alarm(int signal_number)
{
	fputs("does not finish\n", stderr);
	abort();
}

void
must(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* ---------- drawing ---------- */

uint64
draw64(void)
{
	run->state ^= run->state << 13;
	run->state ^= run->state >> 7;
	run->state ^= run->state << 17;
	return run->state * UINT64CONST(2685821657736338717);
}

uint32
draw(uint32 n)
{
	return (uint32) (draw64() >> 32) % n;
}

/* TimeZone, DateStyle: those people use, and the most awkward there are */
static const char *const sessions[][2] = {
	{"UTC", "ISO, MDY"}, {"Europe/London", "ISO, DMY"}, {"America/New_York", "SQL, MDY"}, {"Asia/Kathmandu", "German, DMY"},
	{"America/St_Johns", "Postgres, DMY"}, {"Australia/Lord_Howe", "Postgres, YMD"}, {"Pacific/Apia", "SQL, DMY"},
	{"Asia/Manila", "ISO, YMD"}, {"America/Juneau", "German, YMD"}, {"Africa/Monrovia", "ISO, MDY"}, {"14", "SQL, YMD"},
	{"<A>+15:59", "ISO, MDY"}, {"<B>-15:59", "ISO, DMY"}, {"<C>-16", "ISO, YMD"}, {"<D>+24:59<E>", "ISO, MDY"},
	{"<F>-167:59", "SQL, DMY"}, {"<G>+167:59", "German, DMY"}, {"99.5", "Postgres, MDY"}, {"-16", "ISO, DMY"},
};

void
settings_change(void)
{
	session = sessions[draw(lengthof(sessions))];
	SetConfigOption("TimeZone", session[0], PGC_USERSET, PGC_S_SESSION);
	SetConfigOption("DateStyle", session[1], PGC_USERSET, PGC_S_SESSION);
}

/* an instant, often one where something ends or begins */
int64
draw_instant(void)
{
	static const int64 edges[] = {
		TIME_WINDOW_NO_BEGIN, TIME_WINDOW_NO_END, MIN_TIMESTAMP, END_TIMESTAMP, 0,
		INT64CONST(-63113904000000000),	/* 0000-01-01 */
		INT64CONST(252455616000000000), /* 10000-01-01 */
		INT64CONST(828748800000000),	/* 2026-04-06 */
	};

	switch (draw(4))
	{
		case 0:
			return (int64) draw64();
		case 1:
			return edges[draw(lengthof(edges))];
		case 2:
			return (int64) ((uint64) edges[draw(lengthof(edges))] + draw(3) * draw(2) - draw(3));
		default:
			return INT64CONST(820454400000000) + draw(1 << 20) * USECS_PER_MINUTE;
	}
}

/* a value accepted lately */
const ResourceWindow *
draw_value(void)
{
	return &run->pool[draw(Min(run->pooled, POOL_SIZE))];
}

/* ---------- mutation ---------- */

static const char *const texts[] = {
	"2026-11-20T17:00Z/2026-11-20T17:30Z", "2026-11-20T17:00Z/PT30M", "PT30M/2026-11-20T17:30Z",
	"20261120T170000Z/20261120T173000Z", "2026-11-20 17:00+01 / 2026-11-20 17:30+01", "[2026-11-20 17:00,2026-11-20 17:30)",
	"[\"2026-11-20 17:00:00+00\",\"2026-11-20 17:30:00+00\")", "[2026-11-20 17:00,)", "[,2026-11-20 17:00)",
	"-infinity/infinity", "2026-11-20T17:00Z/infinity", "2026-11-20T17:00:00.000001Z/2026-11-20T17:00:00.5Z",
	"P1Y2M3DT4H5M6.5S/2026-01-31T00:00Z", "2026-03-29T00:00/P1D", "2026-03-29T00:00/P0001-02-03T04:05:06",
	"0044-03-15T12:00Z BC/0001-01-01T00:00Z", "2026-11-20T17:00 Z / 20 Nov 2026 18:00 EST",
	"[2026-11-20 17:00 Europe/London,2026-11-20 17:00 America/New_York)", "4714-11-24T00:00Z BC/294276-12-31T23:59:59.999999Z",
	"J2451187/now", "  2026-11-20T17:00:00.123456+01:30/P1W  ", "[-infinity,infinity)", "today/tomorrow",
};
static const char *const words[] = {
	"/", "@", "[", "]", "(", ")", ",", "\"", "\"\"", "-", "+", ":", ".", " ", "\t", "\n", "T", "Z", "P", "PT", "W", "0", "9", "60", "24:00",
	"99999999999999999999", "9223372036854775807", "-9223372036854775808", "2147483648", "1e308", "1e-999", "PT9223372036854775807S",
	"P2147483647D", "P178956970Y", "PT0.0000005S", "PT2562047788H", "P10000Y", "-1", "BC", " BC", "AD", "infinity", "-infinity", "inf",
	"epoch", "now", "today", "allballs", "J2451187", "Nov", "friday", "am", "+15:59:59", "-16:00", "+167", "EST5EDT", "GMT+3", "FOO-5",
	"Europe/London", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xe2\x82", "\xff", "\x80", "\x01", "\xef\xbb\xbf", "%s%n", "\\",
	"294277-01-01T00:00Z", "4714-11-23 BC", "0000-01-01", "2026-02-29", ".999999999", "42@", "@@", "1-2", "/PT1S", "T00:00",
};

#define INPUT_MAX 12000

/* splice [from, from + add) in place of `cut` bytes at `at` */
static void
replace(char *text, int *length, int at, int cut, const char *from, int add)
{
	char	   *copy;

	cut = Min(cut, *length - at);
	add = Min(add, INPUT_MAX - (*length - cut));
	copy = memcpy(malloc(add + 1), from, add);	/* it may come from the text itself */
	memmove(text + at + add, text + at + cut, *length - at - cut);
	memcpy(text + at, copy, add);
	*length += add - cut;
	free(copy);
}

static void
mutated_text(const WindowType *type)
{
	static char text[INPUT_MAX + 1];
	const char *start = draw(3) != 0 || run->pooled == 0 ? texts[draw(lengthof(texts))] : written(&types[0], draw_value());
	int			length = 0;

	/* of two resource windows in three, the number is sound */
	if (type->resource)
		length = draw(3) != 0 ? sprintf(text, INT64_FORMAT "@", draw(2) == 0 ? (int64) draw(100) - 50 : draw_instant()) :
			sprintf(text, "%s%s@", draw(2) == 0 ? "" : words[draw(lengthof(words))], words[draw(lengthof(words))]);
	replace(text, &length, length, 0, start, strlen(start));
	for (int changes = draw(5); changes > 0; changes--)
	{
		int			at = draw(length + 1);
		const char *word = words[draw(lengthof(words))];
		const char *other = texts[draw(lengthof(texts))];
		int			from = draw(strlen(other));

		switch (draw(9))
		{
			case 0:				/* another byte */
				replace(text, &length, at, 1, (char[]) {(char) draw(256)}, 1);
				break;
			case 1:				/* another digit */
				while (at < length && !isdigit((unsigned char) text[at]))
					at++;
				replace(text, &length, at, 1, (char[]) {(char) ('0' + draw(10))}, 1);
				break;
			case 2:
				replace(text, &length, at, 0, word, strlen(word));
				break;
			case 3:
				replace(text, &length, at, strlen(word), word, strlen(word));
				break;
			case 4:				/* without some bytes */
				replace(text, &length, at, 1 + draw(8), "", 0);
				break;
			case 5:				/* the head of this, the tail of that */
				replace(text, &length, at, length, other + from, strlen(other + from));
				break;
			case 6:				/* a part again, rarely many times */
				for (int times = draw(50) == 0 ? draw(1000) : 1; times > 0; times--)
					replace(text, &length, at, 0, text + at, Min(length - at, 1 + draw(40)));
				break;
			case 7:				/* blanks and zeros where they may stand, up to the longest and more */
				at = draw(2) == 0 ? 0 : at;
				word = draw(2) == 0 ? " " : "0";
				for (int times = draw(10) == 0 ? draw(300) : draw(5); times > 0; times--)
					replace(text, &length, at, 0, word, 1);
				break;
			default:			/* an end */
				length = draw(4) == 0 ? at : length;
				break;
		}
	}
	text[length] = '\0';
	input = text;
	input_length = strlen(text);	/* a byte of zero ends it */

	/* the server hands over valid text in its encoding */
	SetDatabaseEncoding(pg_verify_mbstr(PG_UTF8, text, input_length, true) ? PG_UTF8 : PG_LATIN1);
	check_text(type, text);
}

static void
mutated_bytes(const WindowType *type)
{
	char		bytes[32];
	int			length = draw(8) == 0 ? draw(sizeof(bytes) + 1) : type->size;

	for (int i = 0; i < lengthof(bytes); i += 8)
		put64(bytes + i, draw_instant());
	for (int i = draw(4) == 0 ? draw(4) : 0; i > 0; i--)
		bytes[draw(sizeof(bytes))] = (char) draw(256);
	input = bytes;
	input_length = length;
	check_bytes(type, bytes, length);
}

/* ---------- in place of the server's main() ---------- */

/* Go on until the time is over, or this process has seen too many time zones. */
static void
fuzz_for_a_while(const char *program, time_t end)
{
	size_t		before = 0;

	signal(SIGABRT, on_abort);
	signal(SIGALRM, on_alarm);
	MemoryContextInit();
	(void) set_stack_base();
	if (find_my_exec(program, my_exec_path) < 0)
		abort();
	InitializeGUCOptions();
	SetConfigOption("timezone_abbreviations", "Default", PGC_POSTMASTER, PGC_S_DYNAMIC_DEFAULT);
	SetConfigOption("log_min_messages", "fatal", PGC_SUSET, PGC_S_SESSION);
	work = AllocSetContextCreate(TopMemoryContext, "one input", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(work);

	for (int batch = 0; time(NULL) < end && zones_in_use() < 128 * 1024 * 1024; batch++)
	{
		alarm(30);
		settings_change();
		for (int i = 0; i < 1000; i++)
		{
			const WindowType *type = &types[draw(2)];

			run->inputs++;
			if (draw(4) == 0)
				mutated_bytes(type);
			else
				mutated_text(type);
			free_all();
		}
		input = "a page of values read before";
		input_length = strlen(input);
		check_page(&types[draw(2)]);
		free_all();
		if (batch == 20)
			before = __sanitizer_get_current_allocated_bytes() - zones_in_use();
		must(batch <= 20 || __sanitizer_get_current_allocated_bytes() - zones_in_use() < before + 256 * 1024, "memory grows");
	}
}

static int
fuzz(int argc, char **argv, char **environment)
{
	time_t		end = time(NULL) + (argc > 1 ? atol(argv[1]) : 10);
	int			status;

	run = mmap(NULL, sizeof(Run), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run == MAP_FAILED)
		return 1;
	run->seed = argc > 2 ? strtoull(argv[2], NULL, 10) : UINT64CONST(88172645463325252);
	run->state = run->seed ? run->seed : 1;
	while (time(NULL) < end)
	{
		pid_t		child = fork();

		if (child == 0)
		{
			fuzz_for_a_while(argv[0], end);
			_exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		{
			fprintf(stderr, "broken after %lu inputs of seed " UINT64_FORMAT "\n", run->inputs, run->seed);
			return 1;
		}
	}
	printf("%lu inputs of seed " UINT64_FORMAT ": %lu time windows and %lu resource windows accepted, %lu and %lu refused "
		   "(%lu judged beside the server); of bytes %lu accepted, %lu refused; %lu pages split; none broken\n",
		   run->inputs, run->seed, run->accepted[0], run->accepted[1], run->refused[0], run->refused[1], run->judged,
		   run->received, run->not_received, run->pages);
	return 0;
}

int
__libc_start_main(int (*program) (int, char **, char **), int argc, char **argv,
				  void (*init) (void), void (*fini) (void), void (*rtld_fini) (void), void *stack_end)
{
	int			(*real) (int (*) (int, char **, char **), int, char **, void (*) (void), void (*) (void), void (*) (void), void *);

	*(void **) &real = dlsym(RTLD_NEXT, "__libc_start_main");
	return real(fuzz, argc, argv, init, fini, rtld_fini, stack_end);
}
