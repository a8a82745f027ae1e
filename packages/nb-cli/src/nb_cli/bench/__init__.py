"""What `nb bench` is made of: workloads, child processes, measures, tables and a plot."""
