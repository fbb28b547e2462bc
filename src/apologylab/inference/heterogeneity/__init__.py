"""Who gains: proxies of each unit's effect, learned on one half and judged on the other."""
