"""Orchestration of the benchmark: material, proxies, rounds, report."""
