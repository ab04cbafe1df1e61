"""The rules that carry the promises; a simulation can run without any of them to show what it is for."""

from typing import Final

# The rules of the design, by the names of its own list.
CORE_RULES: Final = (
    "dedup", "on_conflict", "rebuild_from_pg", "epoch_on_restart", "outbox_until_persisted", "receipts",
    "epoch_guarded_trim", "watermark_after_commit", "gap_check", "atomic_script", "pg_epoch_fence", "status_first",
)  # fmt: skip

# Rules that the first runs of this simulation showed to be missing.
FOUND_RULES: Final = (
    "readmit_holder",  # who holds a ticket and is unknown to the live store joins again; only the removed are refused
    "exact_resume",  # a delta begins only where the copy itself has stood: else it cannot know which keys are gone
    "closed_offset_floor",  # a rebuilt session starts above the offsets at which its activities closed
    "closed_offset_made_up",  # a closed activity without a noted offset gets one when it is loaded
    "fenced_recovery_retries",  # a recovery that lost its lock and is fenced begins again
    "fenced_recovery_lets_go",  # ... and gives back the lease that it took
    "ahead_falls_with_it",  # a batch read ahead is used only where the one before it was saved and confirmed
    "fenced_flusher_asks",  # a fenced flusher asks for the epoch: it may be the only one here who would ever notice
    "withdrawal_receipts",  # a withdrawal can show a receipt too
    "withdrawal_first",  # one that does is kept even where its answer has not come back yet
)

RULES: Final = CORE_RULES + FOUND_RULES


class Violation(Exception):
    """A promise is broken; the sentence begins with the property that says so."""
