"""Archives onto disk: every entry verified, under a safe name, in the target folder and nowhere else."""
