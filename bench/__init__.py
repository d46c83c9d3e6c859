"""What `make bench` runs: Polylogue beside the cheapest and the usual ways to put a model's tokens on a socket.

One process makes the load: it is the model's server (`upstream`) and all clients (`clients`), and reads both ends with
one clock. Each way is a process of its own (`paths`) on a core of its own (`machine`). `ladder`, `growth`, `memory`,
`opening`, `starting` and `browser` measure; `report` and `plots` write `results/` and RESULTS.md.
"""
