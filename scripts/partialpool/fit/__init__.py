"""From a spec and data to a checked fit on disk.

``fit`` takes the marginal engine, quadrature or ``nuts``. ``store`` writes and reads fits, and ``by_row`` reads what
they keep of each row. ``diagnostics`` sums up and checks the draws, ``failed`` marks what did not pass, and
``remedies`` says what helps.
"""
