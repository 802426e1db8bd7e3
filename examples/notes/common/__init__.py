"""The book's package `common`, on secant: put it beside a folder of notes and they run unchanged."""
