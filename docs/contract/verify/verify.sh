#!/bin/sh
# verify.sh - proves a stream of Twinpost events with sha256sum and openssl alone.
#
# Why:   an auditor can check what a cloud holds without trusting anybody's program, this one included: it is short enough to read.
# Owns:  a temporary directory while it runs.
# Rules: 1. Events: one payload on each line, one source, from sequence 1 on, as they came (keys sorted, no white space).
#        2. Checked for each event: source, sequence, id, leaf, chain. For the whole: root and chain against the checkpoint, and
#           the checkpoint's signature against the public key. With --proof: one event's inclusion proof against a checkpoint.
#        3. Hashes are made in bulk: sha256sum reads many files at a time; nothing is kept but digests.
# Faults: the first thing that differs, with its sequence, what it is and what it should be (exit 1); wrong usage (exit 2).
# Runs in: a POSIX shell with sha256sum, openssl, awk, sed, od, base64.
# Tests: tests/unit/test_verify_sh.py
set -eu
export LC_ALL=C

usage()
{
	cat <<'TEXT'
usage: verify.sh EVENTS [--checkpoint NOTE --key AGENT.pem]
       verify.sh --proof RESULT.json --key AGENT.pem

EVENTS           file of payloads of up/post/{stream}, one on each line, in sequence
--checkpoint     a payload of up/ckpt/{stream}: its size may be smaller than the number of events
--key            the agent's public key (twinpost key export-public)
--proof          the answer to proof.get (the whole message of up/res, or its result)
TEXT
}

fail()
{
	echo "verify: $1" >&2
	exit "${2:-1}"
}

events=''
note=''
key=''
proof=''
while [ $# -gt 0 ]; do
	case $1 in
	--checkpoint | --key | --proof)
		[ $# -ge 2 ] || fail "$1 needs a file" 2
		case $1 in
		--checkpoint) note=$2 ;;
		--key) key=$2 ;;
		--proof) proof=$2 ;;
		esac
		shift
		;;
	--help | -h)
		usage
		exit 0
		;;
	-*) fail "unknown option $1; see --help" 2 ;;
	*) events=$1 ;;
	esac
	shift
done
[ -n "$events$proof" ] || {
	usage >&2
	exit 2
}
[ -z "$note$proof" ] || [ -n "$key" ] || fail "--checkpoint and --proof need --key" 2
for file in "$events" "$note" "$key" "$proof"; do
	[ -z "$file" ] || [ -r "$file" ] || fail "cannot read $file" 2
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# octal: lines of hexadecimal digits as octal escapes, which printf understands.
octal()
{
	awk 'BEGIN { for (i = 0; i < 256; i++) escape[sprintf("%02x", i)] = sprintf("\\%03o", i) }
		{ out = ""; for (i = 1; i < length($0); i += 2) out = out escape[substr($0, i, 2)]; print out }'
}

# unhex: hexadecimal digits of standard input as bytes.
unhex()
{
	octal | while IFS= read -r escapes; do
		# shellcheck disable=SC2059 # the format is the data: octal escapes alone
		printf "$escapes"
	done
}

# sha256_hex: digest of bytes given in hexadecimal.
sha256_hex()
{
	printf '%s\n' "$1" | unhex | sha256sum | cut -c1-64
}

# base64_hex TEXT: its bytes in hexadecimal.
base64_hex()
{
	printf '%s' "$1" | base64 -d 2>/dev/null | od -An -v -tx1 | tr -d ' \n'
}

# check_note FILE: proves the signature; sets origin, size, root (hexadecimal) and chain.
check_note()
{
	# The text ends where the last empty line begins.
	cut=$(awk '/^$/ {last = NR} END {print last + 0}' "$1")
	[ "$cut" -gt 1 ] || fail "the checkpoint is no signed note: it has no empty line"
	head -n "$((cut - 1))" "$1" >"$work/text"
	openssl pkey -pubin -in "$key" -outform DER -out "$work/der" 2>/dev/null || fail "$key is no public key in PEM"
	id=$(sha256sum <"$work/der" | cut -c1-8)
	origin=$(sed -n 1p "$work/text")
	agent=$(printf '%s\n' "$origin" | awk -F: '{print $3 "/" $4}')
	good=no
	tail -n "+$((cut + 1))" "$1" >"$work/lines"
	while read -r dash name code; do
		[ "$dash" = "$(printf '\342\200\224')" ] || fail "the checkpoint has a line that is no signature"
		[ "$name" = "$agent" ] || continue
		raw=$(base64_hex "$code")
		case $raw in
		"$id"*) ;;
		*) continue ;;
		esac
		printf '%s\n' "${raw#"$id"}" | unhex >"$work/signature"
		openssl dgst -sha256 -verify "$key" -signature "$work/signature" "$work/text" >/dev/null 2>&1 \
			|| fail "signature: the line of $name does not fit the text of the checkpoint"
		good=yes
	done <"$work/lines"
	[ "$good" = yes ] || fail "signature: no line of $agent with the given key"
	size=$(sed -n 2p "$work/text")
	root=$(base64_hex "$(sed -n 3p "$work/text")")
	chain=$(sed -n 's/^chain //p' "$work/text")
	case $size in
	'' | 0* | *[!0-9]*) fail "the size of the checkpoint is no number" ;;
	esac
}

# take_apart: data of each event into a file of d/, the rest into one table.
take_apart()
{
	mkdir "$work/d"
	awk -v work="$work" '
	function bad(text) { printf "sequence %d: %s\n", NR, text >(work "/bad"); close(work "/bad"); exit 1 }
	function value(name,    at, rest) {
		at = index(tail, ",\"" name "\":")
		if (!at) return "-"
		rest = substr(tail, at + length(name) + 4)
		if (substr(rest, 1, 1) == "\"") { rest = substr(rest, 2); return substr(rest, 1, index(rest, "\"") - 1) }
		match(rest, /^[0-9]*/)
		return substr(rest, 1, RLENGTH)
	}
	{
		if (substr($0, 1, 14) != "{\"chainhash\":\"" || substr($0, 79, 9) != "\",\"data\":") bad("not an event")
		# data ends where its braces close; what stands in strings is skipped.
		rest = substr($0, 88); used = 0; depth = 0
		while (match(rest, /["{}]/)) {
			c = substr(rest, RSTART, 1); used += RSTART; rest = substr(rest, RSTART + 1)
			if (c == "{") depth++
			else if (c == "}") { if (--depth == 0) break }
			else {
				if (!match(rest, /^([^"\\]|\\.)*"/)) bad("a string without an end")
				used += RLENGTH; rest = substr(rest, RLENGTH + 1)
			}
		}
		tail = rest
		if (tail !~ /^,"datacontenttype":/) bad("not an event: datacontenttype does not follow data")
		if (NR == 1) source = value("source")
		if (value("source") != source) bad("its source is " value("source") ", the first one has " source)
		if (value("sequence") != sprintf("%020d", NR)) bad("missing: here stands " value("sequence"))
		n = sprintf("%07d", NR)
		printf "%s", substr($0, 88, used) >(work "/d/" n); close(work "/d/" n)
		print n, substr($0, 15, 64), value("id"), value("sequence"), source, value("part"), value("revision"), \
			value("subject"), value("type"), value("time"), value("dataschema") >(work "/table")
	}' OFS='	' "$events" || fail "$(cat "$work/bad" 2>/dev/null || echo "the events cannot be read")"
	[ -s "$work/table" ] || fail "$events holds no event"
}

# bulk FOLDER: digests of all files in a folder, in order, one on each line.
bulk()
{
	(cd "$work/$1" && find . -type f | sort | xargs sha256sum) | cut -c1-64
}

# hash_lines: a digest for each line of hexadecimal bytes, in order.
hash_lines()
{
	rm -rf "$work/h"
	mkdir "$work/h"
	octal | awk '{ printf "%07d %s\n", NR, $0 }' | while read -r number escapes; do
		# shellcheck disable=SC2059 # the format is the data: octal escapes alone
		printf "$escapes" >"$work/h/$number"
	done
	bulk h
}

# compare NAME CLAIMED COMPUTED: two files of lines; the first pair that differs ends it.
compare()
{
	paste "$2" "$3" | awk -v name="$1" '$1 != $2 {
		printf "sequence %d: %s is %s, it should be %s\n", NR, name, $1, $2; found = 1; exit } END { exit found }' >"$work/bad" \
		|| fail "$(cat "$work/bad")"
}

# check_events: id, leaf and chain of every event.
check_events()
{
	take_apart
	bulk d >"$work/data"
	mkdir "$work/i" "$work/l"
	paste "$work/table" "$work/data" | while IFS='	' read -r n _ id sequence source part revision subject kind time schema digest; do
		if [ "$part" = - ]; then
			printf 'tp1/id/v1\n%s\n%s\n%s\n' "$subject" "$revision" "$digest" >"$work/i/$n"
		else
			printf 'tp1/id/v1\n%s\n%s\n%s\n%s\n' "$subject" "$revision" "$digest" "$part" >"$work/i/$n"
		fi
		printf '\000tp1/leaf/v1\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n' "$source" "$sequence" "$id" "$kind" "$subject" "$revision" \
			"$time" "$schema" "$digest" >"$work/l/$n"
	done
	bulk i | cut -c1-32 >"$work/ids"
	cut -f3 "$work/table" >"$work/claimed"
	compare id "$work/claimed" "$work/ids"
	bulk l >"$work/leaves"
	# Each link is checked with the chain value that the event before claims: where all hold, the whole chain does.
	source=$(head -n 1 "$work/table" | cut -f5)
	printf 'tp1/chain/v1\n%s\n' "$source" | sha256sum | cut -c1-64 >"$work/before"
	cut -f2 "$work/table" >"$work/chains"
	cat "$work/chains" >>"$work/before"
	count=$(wc -l <"$work/leaves" | tr -d ' ')
	head -n "$count" "$work/before" | paste -d '\0' - "$work/leaves" | sed 's/^/02/' | hash_lines >"$work/links"
	compare chainhash "$work/chains" "$work/links"
	echo "events: $count of $source, each with its id, leaf and chain; chain $(tail -n 1 "$work/chains")"
}

# tree FILE: root of the tree over the leaves in it: pairs are joined level by level, one that is left over goes up as it is.
tree()
{
	cp "$1" "$work/level"
	while [ "$(wc -l <"$work/level")" -gt 1 ]; do
		paste -d ' ' - - <"$work/level" >"$work/pairs"
		awk 'NF == 2 { print "01" $1 $2 }' "$work/pairs" | hash_lines >"$work/next"
		awk 'NF == 1' "$work/pairs" | tr -d ' ' >>"$work/next"
		mv "$work/next" "$work/level"
	done
	cat "$work/level"
}

# check_checkpoint: the note against the events.
check_checkpoint()
{
	check_note "$note"
	[ "$origin" = "$source" ] || fail "the checkpoint is of $origin, the events are of $source"
	[ "$size" -le "$count" ] || fail "the checkpoint covers $size events, here are $count: sequence $((count + 1)) is missing"
	head -n "$size" "$work/leaves" >"$work/covered"
	own=$(tree "$work/covered")
	[ "$own" = "$root" ] || fail "root: the checkpoint of $size says $root, the events make $own"
	own=$(sed -n "${size}p" "$work/chains")
	[ "$own" = "$chain" ] || fail "chain: the checkpoint of $size says $chain, the event has $own"
	echo "checkpoint: size $size, root and chain are those of the events; signed by $agent"
}

# check_proof: RFC 9162, section 2.1.3.2.
check_proof()
{
	sed -n 's/.*"checkpoint":"\([^"]*\)".*/\1/p' "$proof" | awk '{ gsub(/\\n/, "\n"); printf "%s", $0 }' >"$work/note"
	index=$(sed -n 's/.*"index":\([0-9][0-9]*\).*/\1/p' "$proof")
	hash=$(sed -n 's/.*"leaf":"\([0-9a-f]*\)".*/\1/p' "$proof")
	path=$(sed -n 's/.*"proof":\[\([^]]*\)\].*/\1/p' "$proof" | tr -d '"' | tr ',' ' ')
	case $(wc -c <"$work/note")/$index/$hash in
	0/* | *//* | */) fail "$proof holds no proof: checkpoint, index, leaf, proof, size" ;;
	esac
	check_note "$work/note"
	[ "$index" -lt "$size" ] || fail "proof: index $index is not in a tree of $size"
	node=$index
	last=$((size - 1))
	for code in $path; do
		[ "$last" -gt 0 ] || fail "proof: it is too long"
		sibling=$(base64_hex "$code")
		[ "${#sibling}" -eq 64 ] || fail "proof: $code is no digest"
		if [ $((node % 2)) -eq 1 ] || [ "$node" -eq "$last" ]; then
			hash=$(sha256_hex "01$sibling$hash")
			while [ $((node % 2)) -eq 0 ] && [ "$node" -ne 0 ]; do
				node=$((node / 2))
				last=$((last / 2))
			done
		else
			hash=$(sha256_hex "01$hash$sibling")
		fi
		node=$((node / 2))
		last=$((last / 2))
	done
	[ "$last" -eq 0 ] || fail "proof: it is too short"
	[ "$hash" = "$root" ] || fail "proof: the path leads to $hash, the root of the checkpoint is $root"
	echo "proof: sequence $((index + 1)) of $origin is in the tree of $size; signed by $agent"
}

if [ -n "$events" ]; then
	check_events
	[ -z "$note" ] || check_checkpoint
fi
[ -z "$proof" ] || check_proof
