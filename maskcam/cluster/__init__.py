"""Recordings spread over a Ray cluster. Long ones are looked at in parts, and then judged as one.

To look for faces takes most of the time of a run, and what is found in a part depends on that part alone
(`maskcam.lookout.AFRESH_SECONDS`): so parts are looked at side by side, and their looks saved. What has to know all
that was before, from identities to violations, is then done by the ordinary recorder in one task per recording, which
recalls the looks instead of looking: the results are those of a run on one machine.
"""
