/*
 * flow.c
 *		The maximum flow through a small network, and its least cut.
 *
 * Dinic's algorithm.  Each phase numbers the nodes by their distance from the
 * source over edges that have room left, and then sends along shortest paths
 * whatever they take; the distance of the sink grows from phase to phase.  The
 * networks here are shallow (unit, asset, connection), so a few phases do.
 *
 * When nothing more can be sent, the nodes that the source could still reach are
 * the source's side of the smallest minimum cut: flow_could_reach().
 *
 * Every edge has a twin in the other direction, whose room is what has been sent;
 * they stand side by side, so that the twin of edge e is e ^ 1.
 */
#include "postgres.h"
#include "compat.h"

#include "miscadmin.h"

#include "flow.h"

typedef struct FlowEdge
{
	int			to;
	int			next;			/* of those that leave the same node, -1: none */
	int64		capacity;
	int64		room;
} FlowEdge;

typedef struct FlowNode
{
	int			first;			/* edge that leaves, -1: none */
	int			untried;		/* the same, of those not given up in this phase */
	int			distance;		/* from the source, -1: not to be reached */
} FlowNode;

struct Flow
{
	int			nnodes;
	int			nodes_allocated;
	FlowNode   *nodes;
	int			nedges;
	int			edges_allocated;
	FlowEdge   *edges;
	int		   *queue;
};

/* A network of so many nodes, numbered from 0, without edges. */
Flow *
flow_make(int nnodes)
{
	Flow	   *flow = palloc0(sizeof(Flow));

	flow->nodes_allocated = Max(nnodes, 16);
	flow->nodes = palloc(flow->nodes_allocated * sizeof(FlowNode));
	flow->edges_allocated = 64;
	flow->edges = palloc(flow->edges_allocated * sizeof(FlowEdge));
	for (int i = 0; i < nnodes; i++)
		(void) flow_add_node(flow);
	return flow;
}

void
flow_free(Flow *flow)
{
	pfree(flow->nodes);
	pfree(flow->edges);
	pfree(flow);
}

int
flow_add_node(Flow *flow)
{
	if (flow->nnodes == flow->nodes_allocated)
		flow->nodes = repalloc_huge(flow->nodes, (flow->nodes_allocated *= 2) * sizeof(FlowNode));
	flow->nodes[flow->nnodes].first = -1;
	return flow->nnodes++;
}

/* Add an edge; the result names it. */
int
flow_add_edge(Flow *flow, int from, int to, int64 capacity)
{
	int			edge = flow->nedges;

	if (edge + 2 > flow->edges_allocated)
		flow->edges = repalloc_huge(flow->edges, (flow->edges_allocated *= 2) * sizeof(FlowEdge));
	flow->edges[edge].to = to;
	flow->edges[edge].next = flow->nodes[from].first;
	flow->edges[edge].capacity = capacity;
	flow->nodes[from].first = edge;
	flow->edges[edge + 1].to = from;
	flow->edges[edge + 1].next = flow->nodes[to].first;
	flow->edges[edge + 1].capacity = 0;
	flow->nodes[to].first = edge + 1;
	flow->nedges += 2;
	return edge;
}

void
flow_set_capacity(Flow *flow, int edge, int64 capacity)
{
	flow->edges[edge].capacity = capacity;
}

/* Number the nodes by their distance from the source; true when the sink has one. */
static bool
find_distances(Flow *flow, int source, int sink)
{
	int			head = 0;
	int			tail = 0;

	for (int i = 0; i < flow->nnodes; i++)
	{
		flow->nodes[i].distance = -1;
		flow->nodes[i].untried = flow->nodes[i].first;
	}
	flow->nodes[source].distance = 0;
	flow->queue[tail++] = source;
	while (head < tail)
	{
		int			node = flow->queue[head++];

		for (int e = flow->nodes[node].first; e >= 0; e = flow->edges[e].next)
			if (flow->edges[e].room > 0 && flow->nodes[flow->edges[e].to].distance < 0)
			{
				flow->nodes[flow->edges[e].to].distance = flow->nodes[node].distance + 1;
				flow->queue[tail++] = flow->edges[e].to;
			}
	}
	return flow->nodes[sink].distance >= 0;
}

/* Send at most so much from a node to the sink along shortest paths; gives what went. */
static int64
send(Flow *flow, int node, int sink, int64 most)
{
	int64		sent = 0;

	check_stack_depth();
	if (node == sink)
		return most;
	while (flow->nodes[node].untried >= 0)
	{
		FlowEdge   *edge = &flow->edges[flow->nodes[node].untried];

		if (edge->room > 0 && flow->nodes[edge->to].distance == flow->nodes[node].distance + 1)
		{
			int64		went = send(flow, edge->to, sink, Min(most - sent, edge->room));

			edge->room -= went;
			flow->edges[flow->nodes[node].untried ^ 1].room += went;
			sent += went;
			if (sent == most)
				break;			/* this edge may take more of another's */
		}
		flow->nodes[node].untried = edge->next;
	}
	return sent;
}

/* Send as much as there is room for, forgetting what was sent before. */
void
flow_maximize(Flow *flow, int source, int sink)
{
	flow->queue = palloc(flow->nnodes * sizeof(int));
	for (int i = 0; i < flow->nedges; i++)
		flow->edges[i].room = flow->edges[i].capacity;
	while (find_distances(flow, source, sink))
	{
		CHECK_FOR_INTERRUPTS();
		(void) send(flow, source, sink, FLOW_UNLIMITED);
	}
	pfree(flow->queue);
}

/* Where an edge leads. */
int
flow_to(const Flow *flow, int edge)
{
	return flow->edges[edge].to;
}

int64
flow_through(const Flow *flow, int edge)
{
	return flow->edges[edge ^ 1].room;
}

/* After flow_maximize(): could more still be sent from the source to that node? */
bool
flow_could_reach(const Flow *flow, int node)
{
	return flow->nodes[node].distance >= 0;
}
