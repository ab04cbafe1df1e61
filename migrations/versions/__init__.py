"""One file per revision, each with a full way back."""
