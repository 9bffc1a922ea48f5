"""From samples X to the spectrum of their diffusion operator, and its entropy.

neighbours ─► bandwidth σ ─► affinity G ─► operator S ─► spectrum λ ─► entropy, each in
the module of its name; a meter runs them in this order.
"""
