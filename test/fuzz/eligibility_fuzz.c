/*
 * eligibility_fuzz.c
 *		Throws mutated documents at the readers of asset_profile and product_spec,
 *		outside the server, under ASan and UBSan.
 *
 *	test/fuzz/eligibility.sh [seconds]
 *
 * The sources are those of the extension; memory, errors and encodings of the
 * server are replaced by the stubs below.  A palloc is a malloc, so that ASan
 * sees every overrun.  What is accepted must come back from its canonical text
 * as the same bytes, agree with itself, and match in the index whatever it
 * matches in the row; anything else aborts.
 */
#include "postgres.h"
#include "compat.h"

#include <setjmp.h>
#include <time.h>

#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "eligibility_key.h"
#include "json.h"

/* ---------- the server, as far as the readers need it ---------- */

typedef struct FuzzBlock
{
	struct FuzzBlock *next;
	struct FuzzBlock *prev;
} FuzzBlock;

static FuzzBlock blocks = {&blocks, &blocks};
static jmp_buf on_error;
static unsigned long refused;
static unsigned long accepted;
static unsigned long matched;
MemoryContext TopMemoryContext;

static void *
block_new(size_t size)
{
	FuzzBlock  *block = malloc(sizeof(FuzzBlock) + size);

	block->next = blocks.next;
	block->prev = &blocks;
	block->next->prev = block;
	blocks.next = block;
	return block + 1;
}

void *
palloc(Size size)
{
	return block_new(size);
}

void *
palloc0(Size size)
{
	return memset(block_new(size), 0, size);
}

void
pfree(void *pointer)
{
	FuzzBlock  *block = (FuzzBlock *) pointer - 1;

	block->next->prev = block->prev;
	block->prev->next = block->next;
	free(block);
}

void *
repalloc(void *pointer, Size size)
{
	FuzzBlock  *block = (FuzzBlock *) pointer - 1;
	FuzzBlock  *prev = block->prev;
	FuzzBlock  *next = block->next;

	block = realloc(block, sizeof(FuzzBlock) + size);
	prev->next = block;
	next->prev = block;
	return block + 1;
}

char *
pstrdup(const char *text)
{
	return strcpy(palloc(strlen(text) + 1), text);
}

char *
MemoryContextStrdup(MemoryContext context, const char *text)
{
	return strdup(text);
}

bool
errstart(int elevel, const char *domain)
{
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return true;
}

void
errfinish(const char *file, int line, const char *function)
{
	longjmp(on_error, 1);
}

#if PG_VERSION_NUM >= 160000
bool
errsave_start(struct Node *context, const char *domain)
{
	return true;
}

void
errsave_finish(struct Node *context, const char *file, int line, const char *function)
{
	longjmp(on_error, 1);
}
#endif

int
errcode(int sqlstate)
{
	return 0;
}

/* messages are made, so that making them is tested too */
#define MESSAGE(name) \
int \
name(const char *format,...) \
{ \
	char		line[4096]; \
	va_list		args; \
\
	va_start(args, format); \
	pg_vsnprintf(line, sizeof(line), format, args); \
	va_end(args); \
	return line[0] != '\0'; \
}
MESSAGE(errmsg)
MESSAGE(errdetail)
MESSAGE(errhint)
MESSAGE(errmsg_internal)

int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

/* the server hands over valid text in its encoding: what is none is refused before */
char *
pg_server_to_any(const char *text, int length, int encoding)
{
	return (char *) text;
}

char *
pg_any_to_server(const char *text, int length, int encoding)
{
	return (char *) text;
}

bool
pg_verify_mbstr(int encoding, const char *text, int length, bool no_error)
{
	return true;
}

int
pg_mbstrlen_with_len(const char *text, int length)
{
	int			count = 0;

	for (int i = 0; i < length; i++)
		count += ((unsigned char) text[i] & 0xC0) != 0x80;
	return count;
}

/* ---------- the check ---------- */

static void
free_all(void)
{
	while (blocks.next != &blocks)
		pfree(blocks.next + 1);
}

static struct varlena *other_profile;
static struct varlena *other_spec;

static void
must(bool truth, const char *what, const char *text)
{
	if (truth)
		return;
	fprintf(stderr, "%s: %s\n", what, text);
	abort();
}

/* row and index must agree in that the index misses nothing */
static void
match(struct varlena *spec, struct varlena *profile, const char *text)
{
	Requirements part;
	Profile		view;
	EligibilityKey accepts;
	EligibilityKey offers;
	EligibilityKey wider;
	bool		sure = true;
	bool		unsure;
	bool		truth;

	spec_member_view(spec, &part);
	profile_view(profile, &view);
	truth = requirements_met(&part, &view);
	matched += truth;
	eligibility_key_of_spec(spec, &accepts);
	eligibility_key_of_profile(profile, &offers);
	must(!truth || eligibility_keys_meet(&accepts, &offers, true, &sure), "leaf misses", text);
	wider = offers;
	eligibility_key_of_profile(other_profile, &offers);
	eligibility_key_extend(&wider, &offers);
	must(!truth || eligibility_keys_meet(&accepts, &wider, false, &unsure), "page of profiles misses", text);
	eligibility_key_of_profile(profile, &offers);
	wider = accepts;
	eligibility_key_of_spec(other_spec, &accepts);
	eligibility_key_extend(&wider, &accepts);
	must(!truth || eligibility_keys_meet(&wider, &offers, true, &unsure), "page of specs misses", text);
}

static void
check(const char *text, int length)
{
	Profile		profile;
	Spec		spec;
	StringInfoData buf;
	struct varlena *flat;
	struct varlena *again;

	if (setjmp(on_error) == 0)
	{
		profile_read(text, length, NULL, &profile);
		accepted++;
		flat = profile_flatten(&profile);
		profile_view(flat, &profile);
		initStringInfo(&buf);
		profile_write(&buf, &profile);
		if (setjmp(on_error) != 0)
			must(false, "canonical profile is refused", buf.data);
		profile_read(buf.data, buf.len, NULL, &profile);
		again = profile_flatten(&profile);
		must(VARSIZE(flat) == VARSIZE(again) && memcmp(flat, again, VARSIZE(flat)) == 0, "profile changes", buf.data);
		match(other_spec, flat, buf.data);
	}
	else
		refused++;
	if (setjmp(on_error) == 0)
	{
		spec_read(text, length, NULL, &spec);
		accepted++;
		flat = spec_flatten(&spec);
		spec_view(flat, &spec);
		initStringInfo(&buf);
		spec_write(&buf, &spec);
		if (setjmp(on_error) != 0)
			must(false, "canonical spec is refused", buf.data);
		spec_read(buf.data, buf.len, NULL, &spec);
		again = spec_flatten(&spec);
		must(VARSIZE(flat) == VARSIZE(again) && memcmp(flat, again, VARSIZE(flat)) == 0, "spec changes", buf.data);
		match(flat, other_profile, buf.data);
	}
	else
		refused++;
}

/* ---------- mutation ---------- */

static uint64 state;

static uint32
draw(uint32 n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32) (state >> 20) % n;
}

static const char *const seeds[] = {
	"{\"technology\":[\"EV\",\"BESS\"],\"up_kw\":7.25,\"notice\":\"PT1M0.5S\",\"directions\":[\"up\",\"down\"],\"metering\":[\"asset\",\"boundary\"],\"bm_unit\":true,\"gsp\":\"a\\\"\\u00e9\\ud83d\\ude00\",\"member_count\":12,\"min_duration\":\"PT1M\",\"max_duration\":\"infinity\",\"energy_kwh\":0.001}",
	"{\"down_kw\":3,\"export_kw\":1000000000,\"import_kw\":0.0,\"ramp_kw_per_minute\":5,\"voltage_kv\":132,\"recovery\":\"P1W2DT3H\",\"full_delivery\":\"PT0S\",\"metering_granularity\":\"PT0.05S\",\"operational_metering_granularity\":\"PT15S\",\"constraint_zone\":\"Z1\",\"gsp_group\":\"_C\",\"nation\":\"GB\",\"bsc_party\":false,\"energy_source\":\"GRID\",\"connection_type\":\"FIRM\",\"connection_status\":\"CONNECTED\"}",
	"{\"member\":{\"technology\":[\"EV\",\"CHP\",\"BESS\"],\"notice\":{\"min\":\"PT0S\",\"max\":\"PT2M\"},\"bm_unit\":true,\"directions\":[\"up\"]},\"unit\":{\"up_kw\":{\"min\":10,\"max\":99.5},\"metering\":[\"asset\"]},\"grouping\":\"gsp_group\"}",
	"{\n \"member\": {\"gsp\": [\"a\", \"b\"],\n \"max_duration\": {\"min\": \"PT30M\"}, \"up_kw\": {\"min\": 1}}, \"grouping\": \"none\"}",
	"{\"member\":{\"up_kw\":{\"min\":7},\"technology\":[\"BESS\",\"EV\"]}}",
};
static const char *const words[] = {
	"\"", "\\", "{", "}", "[", "]", ",", ":", "null", "true", "1e999", "-1", "0.0001", "99999999999999999999", "\\u0000", "\\ud800", "\"PT\"", "\"P1Y\"", "\xff", "\xe2\x82", "{\"min\":1}", "\"min\":2,",
	"\"up\"", "[\"up\",\"up\"]", " ", "\n", "//", "\\", "\"member\":", "\"unit\":", "\"up_kw\":7,", "{}", "[]", "\"infinity\"", "1000", "0", "\"EV\"", "[[[[[[[[[[", "\"PT9223372036854775807S\"", "\\\""};

int
main(int argc, char **argv)
{
	long		seconds = argc > 1 ? atol(argv[1]) : 10;
	time_t		end;
	unsigned long runs = 0;
	Profile		profile;
	Spec		spec;
	char	   *kept_profile;
	char	   *kept_spec;

	json_initialize();
	state = argc > 2 ? strtoull(argv[2], NULL, 10) : 88172645463325252ULL;
	if (setjmp(on_error) != 0)
		abort();
	profile_read(seeds[0], strlen(seeds[0]), NULL, &profile);
	other_profile = profile_flatten(&profile);
	kept_profile = memcpy(malloc(VARSIZE(other_profile)), other_profile, VARSIZE(other_profile));
	spec_read(seeds[4], strlen(seeds[4]), NULL, &spec);
	other_spec = spec_flatten(&spec);
	kept_spec = memcpy(malloc(VARSIZE(other_spec)), other_spec, VARSIZE(other_spec));
	other_profile = (struct varlena *) kept_profile;
	other_spec = (struct varlena *) kept_spec;
	free_all();

	for (end = time(NULL) + seconds; time(NULL) < end;)
		for (int batch = 0; batch < 1000; batch++, runs++)
		{
			char		text[2048];
			int			length;
			int			changes = draw(5);
			char	   *exact;

			strcpy(text, seeds[draw(lengthof(seeds))]);
			length = strlen(text);
			for (int i = 0; i < changes; i++)
			{
				int			at = draw(length + 1);
				const char *word = words[draw(lengthof(words))];
				int			cut = draw(12);
				int			add = draw(3) == 0 ? 0 : (int) strlen(word);

				cut = Min(cut, length - at);
				if (draw(3) == 0 && at < length)
				{
					text[at] = (char) (1 + draw(255));
					continue;
				}
				if (draw(2) == 0)
					cut = Min(1, length - at);
				if (length - cut + add >= (int) sizeof(text))
					continue;
				memmove(text + at + add, text + at + cut, length - at - cut);
				memcpy(text + at, word, add);
				length += add - cut;
			}
			/* in memory of exactly its length, so that reading past the end is seen */
			exact = malloc(length + 1);
			memcpy(exact, text, length);
			exact[length] = '\0';
			check(exact, length);
			free(exact);
			free_all();
		}
	printf("%lu documents: %lu accepted, %lu refused, %lu eligible; none broken\n", runs, accepted, refused, matched);
	return 0;
}
