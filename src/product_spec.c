/*
 * product_spec.c
 *		SQL type product_spec: what a product requires.
 *
 * Three parts.  `member` is what each asset must be; `unit` what the unit that
 * bids must be as a whole, so that a 7 kW charger is a good member of a 1 MW
 * portfolio; `grouping` the area within which assets may form one unit.  A part
 * that is left out requires nothing.  The form and the dimensions are in
 * eligibility.h; here are input and output, and order.
 *
 * Binary form: one byte, the version 1, then the JSON text; it is judged by the
 * same reader as text is.
 */
#include "postgres.h"
#include "compat.h"

#include "libpq/pqformat.h"

#include "eligibility.h"
#include "eligibility_flat.h"

PG_FUNCTION_INFO_V1(flex_product_spec_in);
Datum
flex_product_spec_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	Spec		spec;

	if (!spec_read(text, strlen(text), flex_escontext(fcinfo), &spec))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(spec_flatten(&spec));
}

PG_FUNCTION_INFO_V1(flex_product_spec_out);
Datum
flex_product_spec_out(PG_FUNCTION_ARGS)
{
	Spec		spec;
	StringInfoData buf;

	spec_view(PG_GETARG_PRODUCT_SPEC_P(0), &spec);
	initStringInfo(&buf);
	spec_write(&buf, &spec);
	PG_RETURN_CSTRING(buf.data);
}

PG_FUNCTION_INFO_V1(flex_product_spec_recv);
Datum
flex_product_spec_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			version = pq_getmsgint(buf, 1);
	Spec		spec;
	char	   *text;
	int			length;

	if (version != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid version of binary product_spec: %d", version),
				 errhint("This server knows version 1: a byte of value 1, then JSON text.")));
	text = pq_getmsgtext(buf, buf->len - buf->cursor, &length);
	if (!spec_read(text, length, NULL, &spec))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(spec_flatten(&spec));
}

PG_FUNCTION_INFO_V1(flex_product_spec_send);
Datum
flex_product_spec_send(PG_FUNCTION_ARGS)
{
	Spec		spec;
	StringInfoData json;
	StringInfoData buf;

	spec_view(PG_GETARG_PRODUCT_SPEC_P(0), &spec);
	initStringInfo(&json);
	spec_write(&json, &spec);
	pq_begintypsend(&buf);
	pq_sendint8(&buf, 1);
	pq_sendtext(&buf, json.data, json.len);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

FLAT_OPERATORS(product_spec);
