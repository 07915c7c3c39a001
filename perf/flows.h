/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of leasemesh-flows. */
#ifndef LM_PERF_FLOWS_H
#define LM_PERF_FLOWS_H

#define FLOWS_ENDPOINTS 50 /* of a network, if there is one; of many, each has fewer */
#define FLOWS_ENDPOINTS_EACH 10

/* The flow table beside rte_hash with the same keys: prints a line. */
void flows_table(unsigned flows);
/* Other rules for a network that has so many flows: prints a line. */
void flows_swap(unsigned rules, unsigned flows);

#endif
