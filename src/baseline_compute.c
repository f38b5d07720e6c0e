/*
 * baseline_compute.c
 *		The baseline of one event: days, ranking, mean, adjustment.
 *
 * Exact: readings are ten-thousandths of a kWh as int64, a mean is a sum and a number, an adjustment
 * a fraction; what comes out is one division, rounded once, half away from zero, to four decimals.
 * So numbers depend on no order of summation, and numeric in SQL gives the same. Smoothing alone
 * rounds from day to day, which is its definition here.
 *
 * Sums up to each step make the energy of a window and what is missing in it one subtraction
 * each; a day that is looked at and not taken costs no more.
 */
#include "postgres.h"

#include <math.h>

#include "baseline.h"

#ifndef HAVE_INT128
#error "baselines need int128"
#endif

/* a / b, b > 0, to the nearest, half away from zero */
static inline int64
divide_rounded(int128 a, int128 b)
{
	bool		negative = a < 0;
	int128		magnitude = negative ? -a : a;
	int64		result;

	if (b <= 0)
		elog(ERROR, "what is divided by is not above zero");
	if (magnitude <= PG_INT64_MAX / 4 && b <= PG_INT64_MAX / 4)
		result = (2 * (int64) magnitude + (int64) b) / (2 * (int64) b);
	else
		result = (int64) ((2 * magnitude + b) / (2 * b));
	return negative ? -result : result;
}

static inline bool
span_is_there(const Baselines *baselines, int first, int n)
{
	return first >= 0 && first + n <= baselines->n_steps
		&& baselines->meter.missing[first + n] == baselines->meter.missing[first];
}

static inline int64
span_energy(const Baselines *baselines, int first, int n)
{
	return baselines->meter.sums[first + n] - baselines->meter.sums[first];
}

/*
 * Where a step of usual days is on a day: on one on which clocks change it is counted back from the midnight
 * after it, but in the first hour, before any clock changes.
 */
static inline int
step_of_day(const Baselines *baselines, int at, int offset)
{
	const BaselineDay *day = &baselines->days[at];
	int			usual = USECS_PER_DAY / baselines->method.step_us;

	if (day->n_steps != usual && offset >= USECS_PER_HOUR / baselines->method.step_us)
		offset += day->n_steps - usual;
	return day->first + offset;
}

/* The energy around an event that starts at a step, in the windows of the method. */
static bool
windows_are_there(const Baselines *baselines, int first, int n_steps)
{
	const BaselineMethod *method = &baselines->method;

	return (method->before == 0 || span_is_there(baselines, first - method->before_gap - method->before, method->before))
		&& (method->after == 0 || span_is_there(baselines, first + n_steps + method->after_gap, method->after));
}

static int64
windows_energy(const Baselines *baselines, int first, int n_steps)
{
	const BaselineMethod *method = &baselines->method;
	int64		energy = 0;

	if (method->before > 0)
		energy += span_energy(baselines, first - method->before_gap - method->before, method->before);
	if (method->after > 0)
		energy += span_energy(baselines, first + n_steps + method->after_gap, method->after);
	return energy;
}

static inline double
kwh_of(int64 value)
{
	return value / 10000.0;
}

static BaselineVerdict
judge_day(const Baselines *baselines, const BaselineEvent *event, int at, bool is_event_day, bool adjust)
{
	const BaselineMethod *method = &baselines->method;
	const BaselineDay *day = &baselines->days[at];
	int			first = step_of_day(baselines, at, event->offset);
	int			missing;

	if (day->excluded != NULL)
		return VERDICT_EXCLUDED;
	if (day->type != baselines->days[event->at].type)
		return VERDICT_OTHER_TYPE;
	missing = baselines->meter.missing[day->first + day->n_steps] - baselines->meter.missing[day->first];
	if ((int64) (day->n_steps - missing) * 1000 < (int64) method->completeness * day->n_steps
		|| !span_is_there(baselines, first, event->n_steps)
		|| (adjust && !windows_are_there(baselines, first, event->n_steps)))
		return VERDICT_MISSING;
	return is_event_day ? VERDICT_EVENT_DAY : VERDICT_RANKED_OUT;
}

/* By energy, the higher first; of equals the later. */
static void
sort_by_energy(BaselineConsidered **days, int n)
{
	for (int i = 1; i < n; i++)
	{
		BaselineConsidered *day = days[i];
		int			j = i;

		for (; j > 0 && (days[j - 1]->energy < day->energy
						 || (days[j - 1]->energy == day->energy && days[j - 1]->day < day->day)); j--)
			days[j] = days[j - 1];
		days[j] = day;
	}
}

/* The later first: event days that fill up stand behind the others. */
static void
sort_by_day(BaselineConsidered **days, int n)
{
	for (int i = 1; i < n; i++)
	{
		BaselineConsidered *day = days[i];
		int			j = i;

		for (; j > 0 && days[j - 1]->day < day->day; j--)
			days[j] = days[j - 1];
		days[j] = day;
	}
}

/* The days that count, in the order of the ranking; the answer says of every day why. */
static int
choose_days(const Baselines *baselines, const BaselineEvent *event, const bool *is_event_day, bool adjust,
			BaselineAnswer *answer, BaselineConsidered **taken)
{
	const BaselineMethod *method = &baselines->method;
	const BaselineDay *today = &baselines->days[event->at];
	int			n = 0;
	int			first = 0;
	int			n_taken;

	answer->n_considered = 0;
	for (int at = event->at - 1; at >= 0 && baselines->days[at].day >= today->day - method->look_back_days && n < today->sample; at--)
	{
		BaselineConsidered *considered = &answer->considered[answer->n_considered++];

		considered->day = at;
		considered->verdict = judge_day(baselines, event, at, is_event_day[at], adjust);
		if (considered->verdict == VERDICT_RANKED_OUT)
			taken[n++] = considered;
	}
	answer->status = n == today->sample ? BASELINE_COMPLETE : BASELINE_SHORT;
	if (method->fallback && n < today->sample)
		for (int i = 0; i < answer->n_considered && n < today->sample; i++)
			if (answer->considered[i].verdict == VERDICT_EVENT_DAY)
			{
				taken[n++] = &answer->considered[i];
				answer->status = n == today->sample ? BASELINE_FALLBACK : BASELINE_SHORT;
			}
	if (n < method->minimum_days || n == 0)
	{
		answer->status = BASELINE_INSUFFICIENT;
		return 0;
	}

	for (int i = 0; i < n; i++)
	{
		const BaselineDay *day = &baselines->days[taken[i]->day];

		taken[i]->energy = method->ranked_over_day
			? span_energy(baselines, day->first, day->n_steps)
			: span_energy(baselines, step_of_day(baselines, taken[i]->day, event->offset), event->n_steps);
	}
	n_taken = Min(n, today->chosen);
	if (method->ranking != RANKING_RECENT)
	{
		sort_by_energy(taken, n);
		if (method->ranking == RANKING_LOWEST)
			first = n - n_taken;
		else if (method->ranking == RANKING_MIDDLE)
			first = n - n_taken - (n - n_taken) / 2;
		memmove(taken, taken + first, n_taken * sizeof(BaselineConsidered *));
	}
	else if (answer->status != BASELINE_COMPLETE)
		sort_by_day(taken, n_taken);
	for (int i = 0; i < n_taken; i++)
		taken[i]->verdict = taken[i]->verdict == VERDICT_EVENT_DAY ? VERDICT_CHOSEN_EVENT_DAY : VERDICT_CHOSEN;
	return n_taken;
}

/* Oldest first: each day moves the level by a share of what it differs. */
static void
smooth(const Baselines *baselines, int offset, int shift, int n_steps, BaselineConsidered **taken, int n, int64 *sums)
{
	int			share = baselines->method.smoothing;

	for (int i = n - 1; i >= 0; i--)
	{
		const BaselineConsidered *considered = taken[i];
		const int64 *values;

		Assert(considered != NULL);
		values = baselines->meter.values + step_of_day(baselines, considered->day, offset) + shift;

		for (int p = 0; p < n_steps; p++)
			sums[p] = i == n - 1 ? values[p] : divide_rounded((int128) (1000 - share) * sums[p] + (int128) share * values[p], 1000);
	}
}

static int64
smoothed_energy(const Baselines *baselines, int offset, int shift, int n_steps, BaselineConsidered **taken, int n)
{
	int64	   *levels;
	int64		energy = 0;

	if (n_steps == 0)
		return 0;
	levels = palloc(sizeof(int64) * n_steps);
	smooth(baselines, offset, shift, n_steps, taken, n, levels);
	for (int p = 0; p < n_steps; p++)
		energy += levels[p];
	pfree(levels);
	return energy;
}

/* What stands between the mean of the days and the day of the event, as a fraction over below; the part of it that counts. */
static void
adjust(const Baselines *baselines, const BaselineEvent *event, BaselineAnswer *answer, const int64 *sums, int64 weight, int64 window_sum)
{
	const BaselineMethod *method = &baselines->method;
	int64		n_window = method->before + method->after;
	int128		above;
	int128		below;

	if (!windows_are_there(baselines, event->first, event->n_steps))
	{
		answer->limit = LIMIT_MISSING;
		return;
	}
	above = (int128) weight * windows_energy(baselines, event->first, event->n_steps);
	if (method->adjustment == ADJUSTMENT_SCALAR && window_sum <= 0)
	{
		answer->limit = LIMIT_NOTHING;
		return;
	}
	answer->adjusted = true;
	if (method->adjustment == ADJUSTMENT_SCALAR)
	{
		below = window_sum;
		answer->measured = divide_rounded(above * 1000000, below) / 1e6;
	}
	else
	{
		above -= window_sum;
		below = (int128) weight * n_window;
		answer->measured = kwh_of(divide_rounded(above, below));
	}

	/* of a ratio what it differs from one, of a shift all of it */
	{
		int128		change = method->adjustment == ADJUSTMENT_SCALAR ? above - below : above;
		int128		most = (int128) method->cap * (window_sum < 0 ? -window_sum : window_sum);

		if ((method->direction == ADJUST_UP && change < 0) || (method->direction == ADJUST_DOWN && change > 0))
		{
			answer->limit = LIMIT_DIRECTION;
			change = 0;
		}
		else if (method->cap >= 0 && (change < 0 ? -change : change) * 1000 > most)
		{
			answer->limit = LIMIT_CAP;
			change = change < 0 ? -most : most;
			below *= 1000;
		}
		above = method->adjustment == ADJUSTMENT_SCALAR ? below + change : change;
	}
	if (method->adjustment == ADJUSTMENT_SCALAR)
	{
		answer->adjustment = divide_rounded(above * 1000000, below) / 1e6;
		for (int p = 0; p < event->n_steps; p++)
			answer->baseline[p] = kwh_of(divide_rounded(sums[p] * above, weight * below));
	}
	else
	{
		int128		scale = below / weight;

		answer->adjustment = kwh_of(divide_rounded(above, below));
		for (int p = 0; p < event->n_steps; p++)
			answer->baseline[p] = kwh_of(divide_rounded(sums[p] * scale + above, below));
	}
}

static void
compute_from_meter(const Baselines *baselines, const BaselineEvent *event, BaselineAnswer *answer)
{
	const BaselineMethod *method = &baselines->method;
	double		level;

	answer->n_considered = 0;
	answer->status = windows_are_there(baselines, event->first, event->n_steps) ? BASELINE_COMPLETE : BASELINE_INSUFFICIENT;
	if (answer->status == BASELINE_INSUFFICIENT)
		return;
	level = kwh_of(divide_rounded(windows_energy(baselines, event->first, event->n_steps), method->before + method->after));
	for (int p = 0; p < event->n_steps; p++)
		answer->baseline[p] = level;
}

/* The answer's baseline has room for the steps of the event. */
void
baseline_compute(const Baselines *baselines, const BaselineEvent *event, const bool *is_event_day, BaselineAnswer *answer)
{
	const BaselineMethod *method = &baselines->method;
	bool		adjusts = event->adjust && method->adjustment != ADJUSTMENT_NONE;
	BaselineConsidered *taken[BASELINE_MOST_DAYS + 1] = {NULL};
	int			n_taken;
	int64	   *sums;
	int64		weight = 0;
	int64		window_sum = 0;

	answer->adjusted = false;
	answer->limit = LIMIT_NONE;
	if (method->kind == BASELINE_METER)
	{
		compute_from_meter(baselines, event, answer);
		return;
	}
	n_taken = choose_days(baselines, event, is_event_day, adjusts, answer, taken);
	if (n_taken == 0)
		return;

	sums = palloc0(sizeof(int64) * event->n_steps);
	if (method->smoothing > 0)
	{
		smooth(baselines, event->offset, 0, event->n_steps, taken, n_taken, sums);
		weight = 1;
		if (adjusts)
			window_sum = smoothed_energy(baselines, event->offset, -method->before_gap - method->before, method->before, taken, n_taken)
				+ smoothed_energy(baselines, event->offset, event->n_steps + method->after_gap, method->after, taken, n_taken);
	}
	else
		for (int i = 0; i < n_taken; i++)
		{
			int			first = step_of_day(baselines, taken[i]->day, event->offset);
			const int64 *values = baselines->meter.values + first;
			int64		w = method->n_weights == 0 ? 1 : method->weights[i];

			for (int p = 0; p < event->n_steps; p++)
				sums[p] += w * values[p];
			weight += w;
			if (adjusts)
				window_sum += w * windows_energy(baselines, first, event->n_steps);
		}
	if (adjusts)
		adjust(baselines, event, answer, sums, weight, window_sum);
	if (!answer->adjusted)
		for (int p = 0; p < event->n_steps; p++)
			answer->baseline[p] = kwh_of(divide_rounded(sums[p], weight));
	pfree(sums);
}
