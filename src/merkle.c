/*
 * merkle.c
 *		Merkle trees over leaves of 32 bytes, as RFC 9162, section 2.1, has them.
 *
 * A leaf is SHA-256(0x00 || what it stands for), a node SHA-256(0x01 || left || right), and a tree
 * of n leaves splits at the greatest power of two below n.  The prefixes keep a node from being
 * passed off as a leaf.  Leaves come as one bytea, 32 bytes each, and so do proofs: a path of
 * hashes from the leaf upwards.  What verifies them needs nothing of this file
 * (test/bin/verify_proof.pl is written from the RFC alone).
 *
 * Trees are walked depth first with a hash kept for each level, so a million leaves need
 * a million nodes hashed and forty hashes in memory.
 */
#include "postgres.h"
#include "compat.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#define HASH	PG_SHA256_DIGEST_LENGTH

static void
hash_two(uint8 prefix, const uint8 *a, size_t a_length, const uint8 *b, size_t b_length, uint8 *result)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	if (context == NULL || pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, &prefix, 1) < 0 ||
		pg_cryptohash_update(context, a, a_length) < 0 ||
		(b_length > 0 && pg_cryptohash_update(context, b, b_length) < 0) ||
		pg_cryptohash_final(context, result, HASH) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(context));
	pg_cryptohash_free(context);
}

/* The size of the left part of a tree of n leaves, n > 1. */
static int64
left_part(int64 n)
{
	int64		k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

static void
tree_hash(const uint8 *leaves, int64 n, uint8 *result)
{
	uint8		left[HASH];
	uint8		right[HASH];
	int64		k;

	if (n == 1)
	{
		memcpy(result, leaves, HASH);
		return;
	}
	if (n >= 1024)
		CHECK_FOR_INTERRUPTS();
	k = left_part(n);
	tree_hash(leaves, k, left);
	tree_hash(leaves + k * HASH, n - k, right);
	hash_two(1, left, HASH, right, HASH, result);
}

static const uint8 *
leaves_argument(bytea *argument, int64 *count)
{
	int			length = VARSIZE_ANY_EXHDR(argument);

	if (length % HASH != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("leaves have %d bytes, which is not a number of hashes", length),
				 errhint("A leaf has %d bytes.", HASH)));
	*count = length / HASH;
	return (const uint8 *) VARDATA_ANY(argument);
}

static bytea *
bytes_result(const uint8 *bytes, int length)
{
	bytea	   *result = palloc(VARHDRSZ + length);

	SET_VARSIZE(result, VARHDRSZ + length);
	memcpy(VARDATA(result), bytes, length);
	return result;
}

/* merkle_leaf(content): the leaf that stands for some bytes. */
PG_FUNCTION_INFO_V1(flex_merkle_leaf);
Datum
flex_merkle_leaf(PG_FUNCTION_ARGS)
{
	bytea	   *content = PG_GETARG_BYTEA_PP(0);
	uint8		result[HASH];

	hash_two(0, (const uint8 *) VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content), NULL, 0, result);
	PG_RETURN_BYTEA_P(bytes_result(result, HASH));
}

/* merkle_root(leaves): the head of the tree; of none, the hash of nothing. */
PG_FUNCTION_INFO_V1(flex_merkle_root);
Datum
flex_merkle_root(PG_FUNCTION_ARGS)
{
	int64		n;
	const uint8 *leaves = leaves_argument(PG_GETARG_BYTEA_PP(0), &n);
	uint8		result[HASH];

	if (n > 0)
		tree_hash(leaves, n, result);
	else
	{
		pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

		if (context == NULL || pg_cryptohash_init(context) < 0 || pg_cryptohash_final(context, result, HASH) < 0)
			elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(context));
		pg_cryptohash_free(context);
	}
	PG_RETURN_BYTEA_P(bytes_result(result, HASH));
}

/* A path is written from the top and read from the leaf: it grows to the left. */
typedef struct Path
{
	uint8		hashes[64 * HASH];
	int			first;			/* byte */
} Path;

static void
path_prepend(Path *path, const uint8 *leaves, int64 n)
{
	path->first -= HASH;
	Assert(path->first >= 0);
	tree_hash(leaves, n, path->hashes + path->first);
}

static bytea *
path_result(const Path *path)
{
	return bytes_result(path->hashes + path->first, sizeof(path->hashes) - path->first);
}

/* merkle_inclusion(leaves, position): RFC 9162, 2.1.3.1, PATH(m, D_n). */
PG_FUNCTION_INFO_V1(flex_merkle_inclusion);
Datum
flex_merkle_inclusion(PG_FUNCTION_ARGS)
{
	int64		n;
	const uint8 *leaves = leaves_argument(PG_GETARG_BYTEA_PP(0), &n);
	int64		m = PG_GETARG_INT64(1);
	Path		path;

	if (m < 0 || m >= n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("position " INT64_FORMAT " is not in a tree of " INT64_FORMAT " leaves", m, n),
				 errhint("Positions count from 0.")));
	path.first = sizeof(path.hashes);
	while (n > 1)
	{
		int64		k = left_part(n);

		if (m < k)
		{
			path_prepend(&path, leaves + k * HASH, n - k);
			n = k;
		}
		else
		{
			path_prepend(&path, leaves, k);
			leaves += k * HASH;
			m -= k;
			n -= k;
		}
	}
	PG_RETURN_BYTEA_P(path_result(&path));
}

/* merkle_consistency(leaves, earlier): RFC 9162, 2.1.4.1, PROOF(m, D_n). */
PG_FUNCTION_INFO_V1(flex_merkle_consistency);
Datum
flex_merkle_consistency(PG_FUNCTION_ARGS)
{
	int64		n;
	const uint8 *leaves = leaves_argument(PG_GETARG_BYTEA_PP(0), &n);
	int64		m = PG_GETARG_INT64(1);
	bool		whole = true;	/* the earlier tree is all that we look at */
	Path		path;

	if (m < 1 || m > n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a tree of " INT64_FORMAT " leaves is not an earlier state of one of " INT64_FORMAT, m, n)));
	path.first = sizeof(path.hashes);
	while (m < n)
	{
		int64		k = left_part(n);

		if (m <= k)
		{
			path_prepend(&path, leaves + k * HASH, n - k);
			n = k;
		}
		else
		{
			path_prepend(&path, leaves, k);
			leaves += k * HASH;
			m -= k;
			n -= k;
			whole = false;
		}
	}
	if (!whole)
		path_prepend(&path, leaves, n);
	PG_RETURN_BYTEA_P(path_result(&path));
}
