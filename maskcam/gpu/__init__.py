"""All that happens to the pictures of a step, from upload to verdicts, without a way back in between."""
