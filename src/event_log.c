/*
 * event_log.c
 *		Who did what to which row: the log of every table of an exchange.
 *
 * Trigger log_events() fires once for each statement, before other triggers of that kind, with the transition
 * tables `before` and `after`, and writes one event for each row: the row's key, what it is
 * now and what it was, as canonical JSON (canonical.c).  Of an update, `before` has the columns
 * that changed alone; a row that an update leaves as it was is no event.  The statement that writes
 * them is prepared once a session and exchange and takes arrays, so that a COPY of a
 * million rows is a few thousand statements and a single row one.
 *
 * It writes as the owner of the table, as foreign keys look things up: nobody is granted
 * anything on event_log, and the trigger on it refuses whatever changes what is there.
 *
 * An event becomes evidence when it is sealed (sql/exchange/85_event_log_logic.sql).  Its leaf in
 * the Merkle tree is
 *
 *		SHA-256(0x00 || header || SHA-256(salt || content))
 *
 * where header is the canonical JSON of all columns but the content, and content is
 * {"after":...,"before":...}.  The salt, 16 random bytes an event, keeps what was erased from
 * being guessed: erasing takes content and salt and leaves the inner hash, with which every
 * proof goes on working.  Nothing is hashed while market data is written; sealing does it.
 */
#include "postgres.h"
#include "compat.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "common/cryptohash.h"
#include "common/sha2.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "canonical.h"
#include "errors.h"
#include "owner.h"

#define BATCH		512			/* events to a statement, */
#define BATCH_BYTES	((Size) 16 * 1024 * 1024)	/* and about how long their texts may be */
#define SALT		16			/* bytes */

static const char *const insert_events =
"INSERT INTO %1$s.event_log (cluster, transaction_id, login, role, participant_id, table_name, action, row_key, before, after, salt) "
"SELECT $1, $2, $3, $4, (SELECT %1$s.current_participant()), $5, e.action, e.row_key, e.before, e.after, e.salt "
"FROM ROWS FROM (pg_catalog.unnest($6), pg_catalog.unnest($7), pg_catalog.unnest($8), pg_catalog.unnest($9), pg_catalog.unnest($10)) "
"AS e (action, row_key, before, after, salt)";

/* The statement that writes events, by exchange. */
typedef struct Writer
{
	Oid			namespace_oid;	/* hash key */
	char		schema[NAMEDATALEN];
	SPIPlanPtr	plan;
} Writer;

static HTAB *writers = NULL;

typedef struct Batch
{
	Writer	   *writer;
	const char *table_name;
	int			count;
	Size		bytes;
	Datum		actions[BATCH];
	Datum		keys[BATCH];
	bool		no_key[BATCH];
	Datum		before[BATCH];
	bool		no_before[BATCH];
	Datum		after[BATCH];
	bool		no_after[BATCH];
	MemoryContext context;		/* of the texts */
} Batch;

static Writer *
writer_of(Oid namespace_oid)
{
	Writer	   *writer;
	bool		found;
	char	   *schema = get_namespace_name(namespace_oid);

	if (writers == NULL)
	{
		HASHCTL		control = {.keysize = sizeof(Oid), .entrysize = sizeof(Writer)};

		writers = hash_create("event log writers", 16, &control, HASH_ELEM | HASH_BLOBS);
	}
	writer = hash_search(writers, &namespace_oid, HASH_ENTER, &found);
	if (!found)
		writer->plan = NULL;
	/* a statement that names a schema does not outlive the name */
	if (writer->plan != NULL && strcmp(writer->schema, schema) != 0)
	{
		SPI_freeplan(writer->plan);
		writer->plan = NULL;
	}
	if (writer->plan == NULL)
	{
		Oid			types[10] = {INT8OID, INT8OID, TEXTOID, TEXTOID, TEXTOID,
		TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, BYTEAARRAYOID};
		SPIPlanPtr	plan;

		if (!OidIsValid(get_relname_relid("event_log", namespace_oid)))
			ereport(ERROR,
					(errcode(ERRCODE_FLEX_INCOMPLETE_EXCHANGE),
					 errmsg("schema \"%s\" has no table event_log", schema),
					 errhint("Run SELECT flexexchange.upgrade_exchange('%s').", schema)));
		plan = SPI_prepare(psprintf(insert_events, quote_identifier(schema)), 10, types);
		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare the writing of events: %s", SPI_result_code_string(SPI_result));
		strlcpy(writer->schema, schema, NAMEDATALEN);
		writer->plan = plan;
	}
	return writer;
}

static ArrayType *
text_array(Datum *values, bool *isnull, int count)
{
	int			lower = 1;

	return construct_md_array(values, isnull, 1, &count, &lower, TEXTOID, -1, false, TYPALIGN_INT);
}

static void
write_batch(Batch *batch)
{
	Datum		values[10];
	Datum		salts[BATCH];
	uint8		random[BATCH * SALT];
	MemoryContext caller;
	int			result;

	if (batch->count == 0)
		return;
	caller = MemoryContextSwitchTo(batch->context);
	if (!pg_strong_random(random, (size_t) batch->count * SALT))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not get random bytes for the salts of events")));
	for (int i = 0; i < batch->count; i++)
	{
		bytea	   *salt = palloc(VARHDRSZ + SALT);

		SET_VARSIZE(salt, VARHDRSZ + SALT);
		memcpy(VARDATA(salt), random + (size_t) i * SALT, SALT);
		salts[i] = PointerGetDatum(salt);
	}
	values[0] = Int64GetDatum((int64) GetSystemIdentifier());
	values[1] = Int64GetDatum((int64) U64FromFullTransactionId(GetTopFullTransactionId()));
	values[2] = CStringGetTextDatum(GetUserNameFromId(GetSessionUserId(), false));
	values[3] = CStringGetTextDatum(GetUserNameFromId(GetOuterUserId(), false));
	values[4] = CStringGetTextDatum(batch->table_name);
	values[5] = PointerGetDatum(text_array(batch->actions, NULL, batch->count));
	values[6] = PointerGetDatum(text_array(batch->keys, batch->no_key, batch->count));
	values[7] = PointerGetDatum(text_array(batch->before, batch->no_before, batch->count));
	values[8] = PointerGetDatum(text_array(batch->after, batch->no_after, batch->count));
	values[9] = PointerGetDatum(construct_array(salts, batch->count, BYTEAOID, -1, false, TYPALIGN_INT));
	result = SPI_execute_plan(batch->writer->plan, values, NULL, false, 0);
	if (result != SPI_OK_INSERT || SPI_processed != (uint64) batch->count)
		elog(ERROR, "could not write events: %s", SPI_result_code_string(result));
	batch->count = 0;
	batch->bytes = 0;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(batch->context);
}

/* Adds an event; its texts lie in the context of the batch. */
static void
add_event(Batch *batch, const char *action, Datum key, bool no_key, Datum before, Datum after)
{
	int			i = batch->count++;

	batch->actions[i] = CStringGetTextDatum(action);
	batch->keys[i] = key;
	batch->no_key[i] = no_key;
	batch->before[i] = before;
	batch->no_before[i] = before == (Datum) 0;
	batch->after[i] = after;
	batch->no_after[i] = after == (Datum) 0;
	if (before != (Datum) 0)
		batch->bytes += VARSIZE_ANY(DatumGetPointer(before));
	if (after != (Datum) 0)
		batch->bytes += VARSIZE_ANY(DatumGetPointer(after));
}

/* The columns by which a row is known: its primary key, or else its first column, if it has any. */
static bool *
key_columns(Relation relation, int *count, bool *has_key)
{
	TupleDesc	desc = RelationGetDescr(relation);
	bool	   *other = palloc(desc->natts * sizeof(bool));
	Bitmapset  *key = RelationGetIndexAttrBitmap(relation, INDEX_ATTR_BITMAP_PRIMARY_KEY);

	*count = 0;
	for (int i = 0; i < desc->natts; i++)
	{
		other[i] = !bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, key);
		*count += !other[i];
	}
	*has_key = *count > 0;
	for (int i = 0; *count == 0 && i < desc->natts; i++)
		if (!TupleDescAttr(desc, i)->attisdropped)
		{
			other[i] = false;
			*count = 1;
		}
	return other;
}

/* The key as text: of one column as it prints, of several as canonical JSON. */
static Datum
key_text(const CanonicalRow *canonical, TupleTableSlot *slot, const bool *other, int count, Oid *output, bool *isnull)
{
	TupleDesc	desc = slot->tts_tupleDescriptor;
	StringInfoData text;

	*isnull = false;
	if (count > 1)
	{
		initStringInfo(&text);
		canonical_append(&text, canonical, slot->tts_values, slot->tts_isnull, other, CANONICAL_OMIT_NULL);
		return PointerGetDatum(cstring_to_text_with_len(text.data, text.len));
	}
	for (int i = 0; i < desc->natts; i++)
		if (!other[i])
		{
			bool		varlena;

			*isnull = slot->tts_isnull[i];
			if (*isnull)
				return (Datum) 0;
			if (!OidIsValid(*output))
				getTypeOutputInfo(TupleDescAttr(desc, i)->atttypid, output, &varlena);
			return CStringGetTextDatum(OidOutputFunctionCall(*output, slot->tts_values[i]));
		}
	/* a table without columns */
	*isnull = true;
	return (Datum) 0;
}

static Datum
row_text(const CanonicalRow *canonical, TupleTableSlot *slot, const bool *leave_out, CanonicalNull nulls)
{
	StringInfoData text;

	initStringInfo(&text);
	canonical_append(&text, canonical, slot->tts_values, slot->tts_isnull, leave_out, nulls);
	return PointerGetDatum(cstring_to_text_with_len(text.data, text.len));
}

/* Marks the columns that two rows have in common; are there any others? */
static bool
rows_differ(TupleDesc desc, TupleTableSlot *before, TupleTableSlot *after, bool *same)
{
	bool		differ = false;

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		same[i] = before->tts_isnull[i] == after->tts_isnull[i] &&
			(before->tts_isnull[i] ||
			 datum_image_eq(before->tts_values[i], after->tts_values[i], attribute->attbyval, attribute->attlen));
		differ |= !same[i];
	}
	return differ;
}

static TupleTableSlot *
open_rows(Tuplestorestate *rows, TupleDesc desc, int *pointer)
{
	/* others read the same rows at places of their own */
	*pointer = tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(rows, *pointer);
	tuplestore_rescan(rows);
	return MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
}

static bool
next_row(Tuplestorestate *rows, int pointer, TupleTableSlot *slot)
{
	tuplestore_select_read_pointer(rows, pointer);
	if (!tuplestore_gettupleslot(rows, true, false, slot))
		return false;
	slot_getallattrs(slot);
	return true;
}

PG_FUNCTION_INFO_V1(flex_log_events);
Datum
flex_log_events(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	Relation	relation;
	TupleDesc	desc;
	Batch	   *batch;
	OwnerScope	scope;
	CanonicalRow *canonical;
	bool	   *other;
	bool	   *same;
	bool		has_key;
	int			key_count;
	Oid			key_output = InvalidOid;
	Tuplestorestate *before_rows;
	Tuplestorestate *after_rows;
	TupleTableSlot *before = NULL;
	TupleTableSlot *after = NULL;
	int			before_pointer = 0;
	int			after_pointer = 0;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) || !TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_TRIGGER_ARGUMENT),
				 errmsg("log_events() is a trigger AFTER a change FOR EACH STATEMENT")));
	relation = trigger->tg_relation;
	desc = RelationGetDescr(relation);
	before_rows = trigger->tg_oldtable;
	after_rows = trigger->tg_newtable;
	if (!TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event) &&
		((before_rows == NULL && !TRIGGER_FIRED_BY_INSERT(trigger->tg_event)) ||
		 (after_rows == NULL && !TRIGGER_FIRED_BY_DELETE(trigger->tg_event))))
		ereport(ERROR,
				(errcode(ERRCODE_FLEX_TRIGGER_ARGUMENT),
				 errmsg("trigger %s lacks a transition table", trigger->tg_trigger->tgname),
				 errhint("Declare it REFERENCING OLD TABLE AS before NEW TABLE AS after, as far as its event has them.")));

	owner_enter(relation, &scope);
	batch = palloc(sizeof(Batch));
	batch->writer = writer_of(RelationGetNamespace(relation));
	batch->table_name = RelationGetRelationName(relation);
	batch->count = 0;
	batch->bytes = 0;
	batch->context = AllocSetContextCreate(CurrentMemoryContext, "events", ALLOCSET_DEFAULT_SIZES);

	if (TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
	{
		add_event(batch, "truncate", (Datum) 0, true, (Datum) 0, (Datum) 0);
		write_batch(batch);
		owner_leave(&scope);
		return PointerGetDatum(NULL);
	}

	canonical = canonical_prepare(desc);
	other = key_columns(relation, &key_count, &has_key);
	same = palloc(desc->natts * sizeof(bool));
	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		before = open_rows(before_rows, desc, &before_pointer);
	if (!TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		after = open_rows(after_rows, desc, &after_pointer);
	for (;;)
	{
		MemoryContext caller;
		Datum		key;
		bool		no_key;

		/* old and new rows of an update stand in the same order */
		if (before != NULL && !next_row(before_rows, before_pointer, before))
			break;
		if (after != NULL && !next_row(after_rows, after_pointer, after))
			break;
		if (before != NULL && after != NULL && !rows_differ(desc, before, after, same))
			continue;
		CHECK_FOR_INTERRUPTS();
		Assert(before != NULL || after != NULL);

		caller = MemoryContextSwitchTo(batch->context);
		key = key_text(canonical, after != NULL ? after : before, other, key_count, &key_output, &no_key);
		if (before == NULL)
			add_event(batch, "insert", key, no_key, (Datum) 0, row_text(canonical, after, NULL, CANONICAL_OMIT_NULL));
		else if (after == NULL)
			add_event(batch, "delete", key, no_key, row_text(canonical, before, NULL, CANONICAL_OMIT_NULL), (Datum) 0);
		else
		{
			bool		no_old_key;
			Datum		old_key = key_text(canonical, before, other, key_count, &key_output, &no_old_key);

			if (has_key && (no_key || no_old_key || !datum_image_eq(old_key, key, false, -1)))
			{
				/* another key is another row */
				add_event(batch, "delete", old_key, no_old_key, row_text(canonical, before, NULL, CANONICAL_OMIT_NULL), (Datum) 0);
				add_event(batch, "insert", key, no_key, (Datum) 0, row_text(canonical, after, NULL, CANONICAL_OMIT_NULL));
			}
			else
				add_event(batch, "update", key, no_key, row_text(canonical, before, same, CANONICAL_WRITE_NULL),
						  row_text(canonical, after, NULL, CANONICAL_OMIT_NULL));
		}
		MemoryContextSwitchTo(caller);
		if (batch->count >= BATCH - 1 || batch->bytes >= BATCH_BYTES)
			write_batch(batch);
	}
	write_batch(batch);
	if (before != NULL)
		ExecDropSingleTupleTableSlot(before);
	if (after != NULL)
		ExecDropSingleTupleTableSlot(after);
	owner_leave(&scope);
	return PointerGetDatum(NULL);
}

/* ------------------------------------------------------------------ leaves */

/* Columns of an event that its header leaves to the content, by name. */
typedef enum ContentColumn
{
	CONTENT_BEFORE,
	CONTENT_AFTER,
	CONTENT_SALT,
	CONTENT_DIGEST,
	CONTENT_NCOLUMNS
} ContentColumn;

static const char *const content_names[CONTENT_NCOLUMNS] = {"before", "after", "salt", "content_digest"};

typedef struct EventRow
{
	Oid			type;
	int32		typmod;
	TupleDesc	desc;
	CanonicalRow *canonical;
	bool	   *is_content;
	int			content[CONTENT_NCOLUMNS];	/* from 0 */
} EventRow;

static void
hash_begin(pg_cryptohash_ctx **context)
{
	*context = pg_cryptohash_create(PG_SHA256);
	if (*context == NULL || pg_cryptohash_init(*context) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(*context));
}

static void
hash_add(pg_cryptohash_ctx *context, const void *bytes, size_t length)
{
	if (pg_cryptohash_update(context, bytes, length) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(context));
}

/* Texts are hashed in UTF-8, whatever the database keeps them in. */
static void
hash_add_text(pg_cryptohash_ctx *context, const char *text, int length)
{
	char	   *utf8 = pg_server_to_any(text, length, PG_UTF8);

	hash_add(context, utf8, utf8 == text ? length : strlen(utf8));
	if (utf8 != text)
		pfree(utf8);
}

static void
hash_end(pg_cryptohash_ctx *context, uint8 *result)
{
	if (pg_cryptohash_final(context, result, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(context));
	pg_cryptohash_free(context);
}

static EventRow *
event_row(FmgrInfo *function, HeapTupleHeader header)
{
	EventRow   *row = function->fn_extra;
	Oid			type = HeapTupleHeaderGetTypeId(header);
	int32		typmod = HeapTupleHeaderGetTypMod(header);
	TupleDesc	desc;
	MemoryContext caller;

	if (row != NULL && row->type == type && row->typmod == typmod)
		return row;
	desc = lookup_rowtype_tupdesc(type, typmod);
	caller = MemoryContextSwitchTo(function->fn_mcxt);
	row = palloc(sizeof(EventRow));
	row->type = type;
	row->typmod = typmod;
	row->desc = CreateTupleDescCopy(desc);
	row->canonical = canonical_prepare(desc);
	row->is_content = palloc0(desc->natts * sizeof(bool));
	for (int c = 0; c < CONTENT_NCOLUMNS; c++)
	{
		row->content[c] = -1;
		for (int i = 0; i < desc->natts; i++)
			if (!TupleDescAttr(desc, i)->attisdropped && strcmp(NameStr(TupleDescAttr(desc, i)->attname), content_names[c]) == 0 &&
				TupleDescAttr(desc, i)->atttypid == (c < CONTENT_SALT ? TEXTOID : BYTEAOID))
				row->content[c] = i;
		if (row->content[c] < 0)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("a row of %s is no event: it lacks column %s", format_type_be(type), content_names[c]),
					 errhint("Give a row of event_log.")));
		row->is_content[row->content[c]] = true;
	}
	function->fn_extra = row;
	MemoryContextSwitchTo(caller);
	ReleaseTupleDesc(desc);
	return row;
}

static void
hash_add_part(pg_cryptohash_ctx *context, const char *label, const EventRow *row, ContentColumn column,
			  const Datum *values, const bool *isnull)
{
	int			i = row->content[column];

	hash_add(context, label, strlen(label));
	if (isnull[i])
		hash_add(context, "null", 4);
	else
	{
		text	   *part = DatumGetTextPP(values[i]);

		hash_add_text(context, VARDATA_ANY(part), VARSIZE_ANY_EXHDR(part));
	}
}

/*
 * event_hashes(event): the header of an event, the hash of its content and its leaf.  The hash of
 * what was erased is the one that was kept.
 */
PG_FUNCTION_INFO_V1(flex_event_hashes);
Datum
flex_event_hashes(PG_FUNCTION_ARGS)
{
	HeapTupleHeader header = PG_GETARG_HEAPTUPLEHEADER(0);
	EventRow   *row = event_row(fcinfo->flinfo, header);
	HeapTupleData tuple;
	Datum	   *values = palloc(row->desc->natts * sizeof(Datum));
	bool	   *isnull = palloc(row->desc->natts * sizeof(bool));
	bytea	   *digest = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	bytea	   *leaf = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	pg_cryptohash_ctx *context;
	StringInfoData text;
	TupleDesc	result_desc;
	Datum		result[3];
	bool		result_null[3] = {false, false, false};

	if (get_call_result_type(fcinfo, NULL, &result_desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "event_hashes() returns a row");
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = header;
	heap_deform_tuple(&tuple, row->desc, values, isnull);

	SET_VARSIZE(digest, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	if (isnull[row->content[CONTENT_SALT]] && isnull[row->content[CONTENT_BEFORE]] && isnull[row->content[CONTENT_AFTER]])
	{
		bytea	   *kept;

		if (isnull[row->content[CONTENT_DIGEST]])
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("an event has neither a salt nor the hash of what was erased")));
		kept = DatumGetByteaPP(values[row->content[CONTENT_DIGEST]]);
		if (VARSIZE_ANY_EXHDR(kept) != PG_SHA256_DIGEST_LENGTH)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("event_log.content_digest has %d bytes and not %d", (int) VARSIZE_ANY_EXHDR(kept), PG_SHA256_DIGEST_LENGTH)));
		memcpy(VARDATA(digest), VARDATA_ANY(kept), PG_SHA256_DIGEST_LENGTH);
	}
	else
	{
		hash_begin(&context);
		/* content that lost its salt alone was tampered with, and hashes to something else */
		if (!isnull[row->content[CONTENT_SALT]])
		{
			bytea	   *salt = DatumGetByteaPP(values[row->content[CONTENT_SALT]]);

			hash_add(context, VARDATA_ANY(salt), VARSIZE_ANY_EXHDR(salt));
		}
		hash_add_part(context, "{\"after\":", row, CONTENT_AFTER, values, isnull);
		hash_add_part(context, ",\"before\":", row, CONTENT_BEFORE, values, isnull);
		hash_add(context, "}", 1);
		hash_end(context, (uint8 *) VARDATA(digest));
	}

	initStringInfo(&text);
	canonical_append(&text, row->canonical, values, isnull, row->is_content, CANONICAL_OMIT_NULL);
	SET_VARSIZE(leaf, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	hash_begin(&context);
	hash_add(context, "\0", 1);
	hash_add_text(context, text.data, text.len);
	hash_add(context, VARDATA(digest), PG_SHA256_DIGEST_LENGTH);
	hash_end(context, (uint8 *) VARDATA(leaf));

	result[0] = PointerGetDatum(cstring_to_text_with_len(text.data, text.len));
	result[1] = PointerGetDatum(digest);
	result[2] = PointerGetDatum(leaf);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(result_desc), result, result_null)));
}
