"""The Python side of a benchmark's participant. rounds.h is the same in C++, and says what a round is."""

import sys
import time

INPUT = 21.0
PAGE_FLOATS = 4096 // 4


def answer_rounds(make_input, call):
    """Answers rounds until standard input ends: `call(input)` is timed, and answers with twice the input.

    make_input(shape) makes a tensor or an array, filled with INPUT.
    """
    print("ready", flush=True)
    for line in sys.stdin:
        shape, reads_answer, warm_calls, calls = line.split()
        given = make_input([int(size) for size in shape.split("x")])
        check(call(given), given)
        for _ in range(int(warm_calls)):
            call(given)
        print(*time_calls(call, given, int(calls), reads_answer == "1"), flush=True)


def check(answer, given):
    if answer.shape != given.shape or not bool((answer == 2 * INPUT).all()):
        sys.exit("check an answer: it is not twice the input")


def time_calls(call, given, calls, reads_answer):
    times = []
    for _ in range(calls):
        begin = time.perf_counter_ns()
        answer = call(given)
        if reads_answer:
            answer.reshape(-1)[::PAGE_FLOATS].sum()
        times.append(time.perf_counter_ns() - begin)
        # Dropped outside of the time, and before the next call.
        del answer
    return times
