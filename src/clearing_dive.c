/*
 * clearing_dive.c
 *		Outcomes by making one choice after the other, the nearest first.
 */
#include "postgres.h"

#include <math.h>

#include "clearing_search.h"

#define REPAIRS			500

/*
 * From the answer at hand, one choice after the other, each time the one that is
 * nearest to one of its sides; leaves choices and answer as they come.
 */
static void
dive_to_sides(Search *search)
{
	for (;;)
	{
		int			nearest = -1;
		double		least = INFINITY;
		bool		in = true;

		search_look_at_clock(search);
		if (search->out_of_time)
			return;
		for (int i = 0; i < search->n_choices; i++)
		{
			int			o = search->choices[i];
			double		down;
			double		up;

			if (search_openness(search, o, &down, &up) > 0 && Min(down, up) / (down + up) < least)
			{
				least = Min(down, up) / (down + up);
				nearest = o;
				in = up <= down;
			}
		}
		if (nearest < 0)
			nearest = search_broken_exclusion(search);
		if (nearest < 0)
		{
			(void) search_try_outcome(search);
			return;
		}
		if (!search_choose(search, nearest, in ? CHOICE_IN : CHOICE_OUT))
			return;
		if (simplex_solve(search->lp, search_cut_off(search)) == SIMPLEX_OPTIMAL)
			continue;
		/* the other way, where nothing else was chosen with it */
		if (search->clearing->orders[nearest].excluded)
			return;
		search_set_choice(search, nearest, in ? CHOICE_OUT : CHOICE_IN);
		if (simplex_solve(search->lp, search_cut_off(search)) != SIMPLEX_OPTIMAL)
			return;
	}
}

/* From the answer at hand, what is nearest to being in, several at a time; leaves choices and answer as they come. */
static void
dive_inward(Search *search)
{
	int			repairs = 0;

	for (;;)
	{
		int			made = 0;
		int			nearest = -1;
		double		least = INFINITY;
		int			excluded;

		search_look_at_clock(search);
		if (search->out_of_time)
			return;
		for (int i = 0; i < search->n_choices; i++)
		{
			int			o = search->choices[i];
			double		down;
			double		up;

			if (search_openness(search, o, &down, &up) == 0)
				continue;
			if (up < 0.1 * (up + down) && search_choose(search, o, CHOICE_IN))
				made++;
			else if (search->choice[o] == CHOICE_OPEN && up / (up + down) < least)
			{
				least = up / (up + down);
				nearest = o;
			}
		}
		if (made == 0 && nearest < 0)
		{
			excluded = search_broken_exclusion(search);
			if (excluded >= 0)
				nearest = excluded;
		}
		if (made == 0 && nearest < 0)
		{
			int			n_losing = search_try_outcome(search);

			if (n_losing <= 0 || ++repairs > REPAIRS)
				return;
			/* without those that would lose */
			for (int i = 0; i < search->n_choices; i++)
				if (search->losing[search->choices[i]])
				{
					if (search->choice[search->choices[i]] == CHOICE_IN)
						search_set_choice(search, search->choices[i], CHOICE_OPEN);
					if (search_choose(search, search->choices[i], CHOICE_OUT))
						made++;
				}
			if (made == 0)
				return;
		}
		else if (made == 0 && !search_choose(search, nearest, CHOICE_IN))
		{
			search_set_choice(search, nearest, CHOICE_OUT);
			made++;
		}
		if (simplex_solve(search->lp, search_cut_off(search)) != SIMPLEX_OPTIMAL)
		{
			if (made > 0 || nearest < 0)
				return;
			search_set_choice(search, nearest, CHOICE_OUT);
			if (simplex_solve(search->lp, search_cut_off(search)) != SIMPLEX_OPTIMAL)
				return;
		}
	}
}

void
search_dive(Search *search, bool inward)
{
	search->diving = true;
	if (inward)
		dive_inward(search);
	else
		dive_to_sides(search);
	search->diving = false;
}
