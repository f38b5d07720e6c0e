/*
 * flow.h
 *		The maximum flow through a small network.
 */
#ifndef FLEX_FLOW_H
#define FLEX_FLOW_H

typedef struct Flow Flow;

/* more than any power, and far enough from the end of int64 to be added up */
#define FLOW_UNLIMITED	(PG_INT64_MAX / 4)

extern Flow *flow_make(int nnodes);
extern void flow_free(Flow *flow);
extern int	flow_add_node(Flow *flow);
extern int	flow_add_edge(Flow *flow, int from, int to, int64 capacity);
extern void flow_set_capacity(Flow *flow, int edge, int64 capacity);
extern void flow_maximize(Flow *flow, int source, int sink);
extern int	flow_to(const Flow *flow, int edge);
extern int64 flow_through(const Flow *flow, int edge);
extern bool flow_could_reach(const Flow *flow, int node);

#endif							/* FLEX_FLOW_H */
