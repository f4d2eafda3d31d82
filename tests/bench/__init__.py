"""What the package costs, measured on real Asterisks with real phones beside what it replaces, in one run.

    samples   measured values, their percentiles, a Markdown table
    plot      the same as a picture (SVG)
    ring      the callee hangs up until the caller's phone rings: the watch, CCSS, the page's call file
    load      the same with both cores busy, and with fifty calls a second through the same Asterisk
    start     the key is pressed until the request is on disk: AGI, shell script, bare interpreter
    watch     the handover between two watches, and what a watch costs while nothing happens
    history   a long history: why, stats, report, metrics
    scale     many requests, many callees, many endpoints, a storm of state changes

Times wander by a third from run to run on a busy machine: compare within one.
"""
