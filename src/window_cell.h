/*
 * window_cell.h
 *		A window's place in a hierarchy of cells of time: see window_cell.c.
 */
#ifndef FLEX_WINDOW_CELL_H
#define FLEX_WINDOW_CELL_H

#include "time_window.h"

/* Lengths of cells, the shortest first, and one that is all of time. */
#define WINDOW_CELL_LEVELS	9

extern int64 window_cell(const TimeWindow *window);
extern void window_cells_meeting(const TimeWindow *window, int level, int64 *first, int64 *last);

#endif							/* FLEX_WINDOW_CELL_H */
