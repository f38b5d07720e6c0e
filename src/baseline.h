/*
 * baseline.h
 *		What a unit would have used or given without the event: see baseline.c.
 */
#ifndef FLEX_BASELINE_H
#define FLEX_BASELINE_H

#include "utils/date.h"
#include "utils/timestamp.h"

/* Bounds within which no sum leaves int64: values are ten-thousandths of a kWh. */
#define BASELINE_MOST_VALUE		INT64CONST(1000000000000)
#define BASELINE_MOST_STEPS		8000000
#define BASELINE_MOST_DAYS		366
#define BASELINE_MOST_WEIGHT	1000

#define STEP_MISSING	PG_INT64_MIN

typedef enum BaselineKind
{
	BASELINE_HISTORY,			/* from the same steps of earlier days */
	BASELINE_METER				/* from the meter around the event */
} BaselineKind;

typedef enum BaselineRanking
{
	RANKING_RECENT,
	RANKING_HIGHEST,
	RANKING_LOWEST,
	RANKING_MIDDLE
} BaselineRanking;

typedef enum BaselineAdjustment
{
	ADJUSTMENT_NONE,
	ADJUSTMENT_ADDITIVE,
	ADJUSTMENT_SCALAR
} BaselineAdjustment;

typedef enum BaselineDirection
{
	ADJUST_BOTH,
	ADJUST_UP,
	ADJUST_DOWN
} BaselineDirection;

/* Lengths in steps, shares in thousandths. */
typedef struct BaselineMethod
{
	BaselineKind kind;
	int64		step_us;
	int			look_back_days;
	bool		fallback;		/* event days, where there are too few others */
	int			minimum_days;
	int			completeness;
	BaselineRanking ranking;
	bool		ranked_over_day;	/* by the energy of the day, not of the event */
	int			n_weights;
	int		   *weights;		/* in the order of the ranking */
	int			smoothing;		/* 0: none */
	BaselineAdjustment adjustment;
	int			before_gap;
	int			before;
	int			after_gap;
	int			after;
	BaselineDirection direction;
	int			cap;			/* -1: none */
} BaselineMethod;

typedef struct BaselineDay
{
	DateADT		day;
	TimestampTz starts_at;
	TimestampTz ends_at;
	int			type;
	int			sample;			/* how many days an event on it looks for */
	int			chosen;			/* and how many of them it takes */
	char	   *excluded;		/* why it is never looked at; NULL: it is */
	int			first;			/* step */
	int			n_steps;
} BaselineDay;

typedef struct BaselineEvent
{
	int64		unit_id;
	DateADT		day;
	TimestampTz starts_at;
	TimestampTz ends_at;
	bool		adjust;
	bool		done;
	int			at;				/* the day, among those that are known */
	int			first;			/* step */
	int			n_steps;
	int			offset;			/* steps from midnight of a day of usual length */
} BaselineEvent;

typedef struct UnitDay
{
	int64		unit_id;
	DateADT		day;
} UnitDay;

/* The meter of one unit, step by step, with sums up to each step. */
typedef struct BaselineMeter
{
	int64	   *values;
	int64	   *sums;			/* of what is there, before step i */
	int		   *missing;		/* how many are not there, before step i */
} BaselineMeter;

typedef struct Baselines Baselines;
struct Baselines
{
	BaselineMethod method;
	int			n_days;
	BaselineDay *days;
	int			n_events;
	BaselineEvent *events;		/* by unit, day, start */
	int			n_event_days;
	UnitDay    *event_days;		/* by unit, day */
	int			n_steps;
	TimestampTz first_at;
	BaselineMeter meter;
	void		(*finish) (Baselines *baselines, int first, int n);
	void	   *result;
};

typedef enum BaselineStatus
{
	BASELINE_COMPLETE,
	BASELINE_FALLBACK,
	BASELINE_SHORT,
	BASELINE_INSUFFICIENT
} BaselineStatus;

typedef enum BaselineVerdict
{
	VERDICT_CHOSEN,
	VERDICT_CHOSEN_EVENT_DAY,
	VERDICT_RANKED_OUT,
	VERDICT_EVENT_DAY,
	VERDICT_OTHER_TYPE,
	VERDICT_MISSING,
	VERDICT_EXCLUDED			/* by the calendar, which says why */
} BaselineVerdict;

typedef enum BaselineLimit
{
	LIMIT_NONE,
	LIMIT_CAP,
	LIMIT_DIRECTION,
	LIMIT_MISSING,				/* readings of the window */
	LIMIT_NOTHING				/* to scale: the window has no energy */
} BaselineLimit;

typedef struct BaselineConsidered
{
	int			day;
	BaselineVerdict verdict;
	int64		energy;
} BaselineConsidered;

/* What is said of one event. */
typedef struct BaselineAnswer
{
	BaselineStatus status;
	double	   *baseline;		/* kWh a step */
	int			n_considered;
	BaselineConsidered considered[BASELINE_MOST_DAYS + 1];
	bool		adjusted;
	double		adjustment;
	double		measured;		/* before cap and direction */
	BaselineLimit limit;
} BaselineAnswer;

/* Runs the queries, and hands over the events of one unit after the other. */
extern void baseline_read(Baselines *baselines, const char *readings, const char *days, const char *events, const char *event_days);

extern void baseline_compute(const Baselines *baselines, const BaselineEvent *event, const bool *is_event_day, BaselineAnswer *answer);

#endif							/* FLEX_BASELINE_H */
