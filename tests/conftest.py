"""For all tests."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # as a shell starts what runs in its background; the programs that tests press Ctrl-C on would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
