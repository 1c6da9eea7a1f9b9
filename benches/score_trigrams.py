#!/usr/bin/env python3
"""Counts which letter follows which two in the words of source code and prose, for `scanner-core/src/score/trigram.bin`.

    python3 benches/score_trigrams.py scanner-core/src/score/trigram.bin DIR…

Give it folders of source code and of translations (`/usr/share/locale`): words of other languages are words too.

Every distinct word (identifiers are split where case changes and at digits and symbols) counts by the square root of its
frequency, so that neither `the` nor one generated file decides. The table has 27 × 27 × 27 signed bytes, letter 0 being
the edge of a word: eighths of a bit by which the third letter is likelier after the first two than a letter drawn at random.
A few folders are plenty: the table hardly moves after ten million words.
"""
import collections, math, os, re, sys

SUFFIXES = (".rs .py .go .js .ts .java .c .h .cpp .rb .php .md .txt .html .pl .pm .sh .yml .yaml .json .kt .cs .properties "
            ".rst .erb .conf .mo .po .xlf .templates").split()
LARGEST = 400_000
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def words(folders):
    counts = collections.Counter()
    for folder in folders:
        for root, names, files in os.walk(folder):
            names.sort()
            for name in sorted(files):
                path = os.path.join(root, name)
                if os.path.splitext(name)[1] in SUFFIXES and os.path.isfile(path) and os.path.getsize(path) < LARGEST:
                    with open(path, errors="replace") as file:
                        counts.update(word.lower() for word in WORD.findall(file.read()))
    return counts


def table(counts):
    seen = [[[0.02] * 27 for _ in range(27)] for _ in range(27)]
    for word, count in sorted(counts.items()):
        # A "word" without a vowel or of great length is more often data than language; seen once, it is noise.
        if not 2 <= len(word) <= 20 or count < 3:
            continue
        letters = [0, 0] + [ord(c) - 96 for c in word] + [0]
        for a, b, c in zip(letters, letters[1:], letters[2:]):
            seen[a][b][c] += math.sqrt(count)
    pairs = [[sum(seen[a][b][c] for a in range(27)) for c in range(27)] for b in range(27)]
    out = bytearray()
    for a in range(27):
        for b in range(27):
            total, pair_total = sum(seen[a][b][1:]), sum(pairs[b][1:])
            for c in range(27):
                # Kneser-Ney in spirit: a rare context leans on the last letter alone.
                lean = 20.0
                p = (seen[a][b][c] + lean * pairs[b][c] / pair_total) / (total + lean)
                p = 0.97 * p + 0.03 / 26
                bits = math.log2(p * 26) if c else 0
                out.append(max(-127, min(127, round(bits * 8))) & 255)
    return bytes(out)


if __name__ == "__main__":
    found = words(sys.argv[2:])
    with open(sys.argv[1], "wb") as file:
        file.write(table(found))
    print(f"{sum(found.values())} words, {len(found)} distinct")
