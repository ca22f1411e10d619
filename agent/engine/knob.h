/*
 * knob: the engine's fixed times, and switches that only a test build has.
 *
 * The negative controls of the crash matrix switch one safety off and must
 * then see the invariants broken (docs: rotation, "How it is tested").  In a
 * normal build every switch is constant and the compiler removes it.
 */
#ifndef AGENT_ENGINE_KNOB_H
#define AGENT_ENGINE_KNOB_H

#include <stdbool.h>
#include <stdint.h>

enum knob { KNOB_SETTLE, KNOB_RESWEEP, KNOB_INTENT, KNOB_PROOF, KNOB_RECUT,
	    KNOB_PROTECT };

#define GAP_MS 250	      /* least time between two probes or listings */
#define BACKOFF_FIRST_MS 1000 /* doubling, full jitter */
#define BACKOFF_MAX_MS 300000
#define SNAPSHOT_WAIT_MS 10000 /* what destroys evidence waits this long */
#define STUCK_RETRY_MS 900000 /* a rotation that waits for a person: retried */
#define PROOF_COUNT 3	      /* dead probes in a row */
#define CLEAN_COUNT 2	      /* clean listings in a row */

#ifdef CURFEW_TEST
bool knob_off(enum knob k);	/* CURFEW_TEST_NO_SETTLE and so on */
int64_t knob_gap_ms(void);	/* CURFEW_TEST_GAP_MS */
int64_t knob_backoff_ms(void);	/* CURFEW_TEST_BACKOFF_MS */
int64_t knob_snapshot_ms(void); /* CURFEW_TEST_SNAPSHOT_MS */
int64_t knob_stuck_ms(void);	/* CURFEW_TEST_STUCK_MS */
#else
static inline bool knob_off(enum knob k) { (void)k; return false; }
static inline int64_t knob_gap_ms(void) { return GAP_MS; }
static inline int64_t knob_backoff_ms(void) { return BACKOFF_FIRST_MS; }
static inline int64_t knob_snapshot_ms(void) { return SNAPSHOT_WAIT_MS; }
static inline int64_t knob_stuck_ms(void) { return STUCK_RETRY_MS; }
#endif

#endif
