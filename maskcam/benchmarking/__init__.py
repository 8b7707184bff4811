"""How fast this machine is with maskcam: what `maskcam bench` measures, and how it is reported."""
