#!/bin/bash
# verify-pack.sh - proves a pack of a comparison, or one document of it, with sha256sum and openssl alone.
#
# Why:   an auditor need not trust the program that made the pack; this is short enough to read.
# Owns:  a temporary directory while it runs.
# Rules: 1. A pack is a folder (unpack a tar file first: tar xf PACK.tar). Checked: its files against MANIFEST, none more and
#           none less; MANIFEST, root, run, verdict, cut and rules against the signed note; the root against
#           documents.ndjson; counts, waterfall and open differences against the verdict.
#        2. A proof is a file: its document, salt and path against the root in the note.
#        3. A note counts when a line of the given key fits its text; lines of other keys are named and not checked.
#        4. Values are taken from canonical JSON by their keys: an unescaped quote ends a text, so no text can pose as a key.
# Faults: every check that fails is one line (exit 1); wrong usage (exit 2).
# Runs in: bash with coreutils, openssl, awk, sed, od.
# Tests: tests/unit/test_pack.py, tests/unit/test_pack_tampered.py, tests/unit/test_pack_false.py
set -u -o pipefail
export LC_ALL=C
CHUNK=20000 # files at a time while hashing
N='(0|[1-9][0-9]{0,17})'
LF=$'\n'
# The lines of a note's text, each and in this order.
FORM="^[a-z0-9-]+/[a-z0-9-]+/compare$LF$N${LF}[A-Za-z0-9+/]{43}=${LF}run [A-Za-z0-9_][A-Za-z0-9._-]*${LF}verdict [a-z_]+${LF}periods [0-9-]+ [0-9-]+$LF"
FORM+="cut [0-9TZ:.-]+${LF}cloud $N $N${LF}legacy $N $N$LF(stream $N $N [A-Za-z0-9_.:/-]+$LF)*(streams [0-9a-f]{64}$LF)?"
FORM+="rules [0-9a-f]+${LF}manifest [0-9a-f]{64}\$"

usage()
{
	cat <<'TEXT'
usage: verify-pack.sh PACK --key PUBLIC.pem
       verify-pack.sh PROOF --key PUBLIC.pem

PACK    the folder of a pack (twinpost compare sign)
PROOF   the proof of one document (twinpost compare prove)
--key   the signer's public key in PEM, which came to you by another way than the pack
TEXT
}

wrong()
{
	echo "verify-pack: $1; see --help" >&2
	exit 2
}

what=''
key=''
while [ $# -gt 0 ]; do
	case $1 in
	--help | -h) usage && exit 0 ;;
	--key)
		[ $# -ge 2 ] || wrong "--key needs a file"
		key=$2
		shift
		;;
	-*) wrong "unknown option $1" ;;
	*)
		[ -z "$what" ] || wrong "one pack or proof at a time"
		what=$1
		;;
	esac
	shift
done
[ -n "$what" ] || wrong "a pack or a proof is needed"
[ -n "$key" ] || wrong "--key is needed"
[ -r "$what" ] || wrong "cannot read $what"
openssl pkey -pubin -in "$key" -outform DER -out /dev/null 2>/dev/null || wrong "$key is no public key in PEM"

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

findings=0
# say TEXT: without what could steer a terminal.
say()
{
	printf '%s\n' "$1" | tr -d '\000-\011\013-\037\177'
}

bad()
{
	say "$1"
	findings=$((findings + 1))
}

sha256()
{
	sha256sum | cut -c1-64
}

# unhex: lines of hexadecimal digits as bytes, without anything between them.
unhex()
{
	sed 's/../\\x&/g' | while IFS= read -r escapes; do printf '%b' "$escapes"; done
}

# hex_of TEXT: what base64 stands for, in hexadecimal.
hex_of()
{
	printf '%s' "$1" | base64 -d 2>/dev/null | od -An -v -tx1 | tr -d ' \n'
}

# digests FOLDER: of its files in the order of their names, which it then removes.
digests()
{
	(cd "$1" && find . -type f | sort | xargs -r sha256sum | cut -c1-64)
	rm -rf "$1"
}

# each_chunk FUNCTION <LINES: hands lines on, some thousand at a time, with the number of the first as an argument.
each_chunk()
{
	local first=0
	rm -f "$work"/chunk.*
	split -l "$CHUNK" -a 6 - "$work/chunk."
	for chunk in "$work"/chunk.*; do
		[ -e "$chunk" ] || continue
		mkdir "$work/h"
		"$1" "$first" <"$chunk"
		digests "$work/h"
		first=$((first + CHUNK))
	done
}

# write_salts FIRST: a file to hash for each line, by its number alone.
write_salts()
{
	awk -v first="$1" -v secret="$secret" -v folder="$work/h" '{
		name = sprintf("%s/%06d", folder, NR)
		printf "tp1/compare/salt/v1\n%s\n%d\n", secret, first + NR - 1 >name
		close(name) }'
}

# write_leaves: of lines with a salt, a blank and a document.
write_leaves()
{
	local n=1000000 salt line
	while IFS=' ' read -r salt line; do
		printf '\000tp1/compare/leaf/v1\n%s\n%s\n' "$salt" "$line" >"$work/h/$n"
		n=$((n + 1))
	done
}

# write_nodes: of lines with the hexadecimal digits of two hashes.
write_nodes()
{
	local n=1000000 pair
	sed 's/../\\x&/g' | while IFS= read -r pair; do
		printf '%b' "\\x01$pair" >"$work/h/$n"
		n=$((n + 1))
	done
}

# root_of LEAVES: pairs are joined level by level, one that is left over goes up as it is.
root_of()
{
	if [ ! -s "$1" ]; then
		printf '' | sha256
		return
	fi
	cp "$1" "$work/level"
	while [ "$(wc -l <"$work/level")" -gt 1 ]; do
		paste -d ' ' - - <"$work/level" >"$work/pairs"
		awk 'NF == 2 { print $1 $2 }' "$work/pairs" | each_chunk write_nodes >"$work/next"
		awk 'NF == 1 { print $1 }' "$work/pairs" >>"$work/next"
		mv "$work/next" "$work/level"
	done
	cat "$work/level"
}

# check_note FILE: the signature; sets text (a file), origin, size, root (hexadecimal) and signer.
check_note()
{
	local cut dash name code raw id other=''
	text=$work/text
	origin='' size='' root='' signer=''
	cut=$(awk '/^$/ { last = NR } END { print last + 0 }' "$1")
	if [ "$cut" -lt 2 ]; then
		bad "pack.note is no signed note: it has no empty line"
		return
	fi
	head -n "$((cut - 1))" "$1" >"$text"
	id=$(openssl pkey -pubin -in "$key" -outform DER | sha256 | cut -c1-8)
	while read -r dash name code; do
		raw=$(hex_of "$code")
		if [ "$dash" != $'\342\200\224' ] || [ "${#raw}" -le 8 ]; then
			bad "pack.note has a line that is no signature"
		elif [ "${raw:0:8}" != "$id" ]; then
			other="$other $name"
		elif printf '%s\n' "${raw:8}" | unhex >"$work/signature" &&
			openssl dgst -sha256 -verify "$key" -signature "$work/signature" "$text" >/dev/null 2>&1; then
			signer=$name
		else
			bad "signature: the line of $name does not fit the text of the note"
		fi
	done < <(tail -n "+$((cut + 1))" "$1")
	[ -n "$signer" ] || bad "signature: the note is not signed by the given key"
	[ -z "$other" ] || say "also signed as$other: not checked, that is another key"
	origin=$(sed -n 1p "$text")
	size=$(sed -n 2p "$text")
	root=$(hex_of "$(sed -n 3p "$text")")
	if ! [[ $(cat "$text") =~ $FORM ]]; then
		bad "the note is not the note of a comparison: its text has another form"
		origin=''
	fi
}

# said LABEL: the rest of the note's line that begins so.
said()
{
	sed -n "s/^$1 //p" "$text"
}

# equal NAME NOTE FILES
equal()
{
	[ "$2" = "$3" ] || bad "$1: the note says \"$2\", the files say \"$3\""
}

# ---- a pack ----

check_files()
{
	local strange
	strange=$(cd "$what" && find . -mindepth 1 ! -type f ! -type d)
	[ -z "$strange" ] || bad "links or devices are in the pack: $(echo "$strange" | tr '\n' ' ')"
	for name in MANIFEST pack.note pack.secret run.json documents.ndjson documents.root differences.ndjson balances.ndjson tax.ndjson; do
		[ -f "$what/$name" ] || bad "missing file: $name"
	done
	[ "$findings" -eq 0 ] || return
	if [ -n "$(tail -c 1 "$what/MANIFEST")" ] ||
		grep -qvE '^[0-9a-f]{64}  [A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)?$' "$what/MANIFEST" ||
		! cut -c67- "$what/MANIFEST" | sort -c -u 2>/dev/null; then
		bad "MANIFEST is no list of SHA-256 and paths, each once and in their order"
		return
	fi
	(cd "$what" && sha256sum -c --strict --quiet MANIFEST 2>/dev/null) >"$work/sums" || sed 's/^/changed file: /' "$work/sums"
	findings=$((findings + $(wc -l <"$work/sums")))
	cut -c67- "$what/MANIFEST" >"$work/listed"
	(cd "$what" && find . -type f | cut -c3- | sort) | grep -vx -e MANIFEST -e pack.note >"$work/present"
	comm -13 "$work/listed" "$work/present" >"$work/extra"
	sed 's/^/extra file: /' "$work/extra"
	findings=$((findings + $(wc -l <"$work/extra")))
}

check_root()
{
	local own
	secret=$(cat "$what/pack.secret")
	[[ $secret =~ ^[0-9a-f]{64}$ ]] || bad "pack.secret is not 64 hexadecimal digits"
	each_chunk write_salts <"$what/documents.ndjson" | cut -c1-32 >"$work/salts"
	paste -d ' ' "$work/salts" "$what/documents.ndjson" | each_chunk write_leaves >"$work/leaves"
	own=$(root_of "$work/leaves")
	equal "documents" "$size" "$(wc -l <"$what/documents.ndjson")"
	equal "root" "$root" "$own"
	equal "documents.root" "$(sed -n 2,3p "$text")" "$(cat "$what/documents.root")"
}

# last KEY: in each line the last value of a key whose values are words.
last()
{
	sed -n "s/.*\"$1\":\"\([a-z_]*\)\".*/\1/p"
}

check_run()
{
	local json=$what/run.json verdict open waiting total eased usage=0
	verdict=$(sed -n 's/.*"verdict":{"name":"\([a-z_]*\)".*/\1/p' "$json")
	equal verdict "$(said verdict)" "$verdict"
	equal run "$(said run)" "$(sed -n 's/.*,"id":"\([^"]*\)".*/\1/p' "$json")"
	equal cut "$(said cut)" "$(sed -n 's/.*"cut":{"at":"\([^"]*\)".*/\1/p' "$json")"
	equal rules "$(said rules)" "$(sed -n 's/.*"rules":{.*"version":"\([0-9a-f]*\)".*/\1/p' "$json")"
	for side in cloud legacy; do
		total=$(sed -n "s/.*\"totals\":{//; s/^[^{]*\"$side\":\([0-9]*\).*/\1/p; s/.*[]}],\"$side\":\([0-9]*\),.*/\1/p" "$json" | head -n 1)
		equal "documents of $side" "$(grep -c "\"side\":\"$side\"" "$what/documents.ndjson")" "$total"
	done
	sed -n 's/.*"waterfall":\[\([^]]*\)\].*/\1/p' "$json" | sed 's/},{/\n/g' | tr -d '{}' >"$work/waterfall"
	awk -F, '{ sum = 0; whole = -1
		for (i = 1; i <= NF; i++) {
			split($i, part, ":")
			if (part[1] == "\"extracted\"") whole = part[2]
			else if (part[1] != "\"entity\"") sum += part[2]
		}
		if (sum != whole) wrong = 1
	} END { exit wrong || NR == 0 }' "$work/waterfall" || waterfall=broken
	last status <"$what/differences.ndjson" >"$work/statuses"
	equal "differences with a status" "$(wc -l <"$what/differences.ndjson")" "$(wc -l <"$work/statuses")"
	open=$(grep -cE '^(different|missing_cloud|missing_legacy|duplicate|ambiguous)$' "$work/statuses")
	waiting=$(grep -cE '^waiting_' "$work/statuses")
	[ "$verdict" = incomplete ] || [ "${waterfall:-good}" = good ] || bad "verdict $verdict is REFUSED: the waterfall does not add up"
	case $verdict in
	reconciled | reconciled_with_pending) [ "$open" -eq 0 ] || bad "verdict $verdict is REFUSED: $open differences are open" ;;
	reconciled_with_warnings) [ "$open" -eq 0 ] || echo "note: $open differences are open, within the thresholds that run.json names" ;;
	esac
	[ "$verdict" != reconciled ] || [ "$waiting" -eq 0 ] || bad "verdict reconciled is REFUSED: $waiting documents wait for the other side"
	[ ! -f "$what/usage.ndjson" ] || grep -v '"class":"agree"' "$what/usage.ndjson" | grep -v '"waiting":true}$' >"$work/usage"
	[ ! -s "$work/usage" ] || usage=$(grep -vc '"state":"accepted"' "$work/usage")
	case $verdict in
	reconciled*) [ "$usage" -eq 0 ] || bad "verdict $verdict is REFUSED: $usage windows of usage do not agree" ;;
	esac
	case $verdict in
	reconciled | reconciled_with_pending)
		[ ! -s "$work/usage" ] || bad "verdict $verdict is REFUSED: windows of usage do not agree and were accepted"
		eased=$(last status <"$what/documents.ndjson" | grep -cE '^(accepted|matched_within_tolerance)$')
		[ "$eased" -eq 0 ] || bad "verdict $verdict is REFUSED: $eased documents are accepted or within tolerance" ;;
	esac
}

check_pack()
{
	check_files
	[ -f "$what/pack.note" ] && [ -f "$what/MANIFEST" ] || return
	check_note "$what/pack.note"
	[ -n "$origin" ] && [ -f "$what/documents.ndjson" ] && [ -f "$what/run.json" ] || return
	equal MANIFEST "$(said manifest)" "$(sha256 <"$what/MANIFEST")"
	check_root
	check_run
}

# ---- a proof: RFC 9162, section 2.1.3.2 ----

check_proof()
{
	local form='^{"document":\(.*\),"format":1,"index":\([0-9]*\),"path":\[\([^]]*\)\],"salt":"\([0-9a-f]*\)"}$'
	local node last hash sibling
	head -n 1 "$what" | sed -n "s/$form/\1/p" | tr -d '\n' >"$work/document"
	node=$(head -n 1 "$what" | sed -n "s/$form/\2/p")
	if [ -z "$node" ]; then
		bad "it is no proof of a document"
		return
	fi
	tail -n +2 "$what" >"$work/note"
	check_note "$work/note"
	[ -n "$origin" ] || return
	hash=$({
		printf '\000tp1/compare/leaf/v1\n%s\n' "$(head -n 1 "$what" | sed -n "s/$form/\4/p")"
		cat "$work/document"
		echo
	} | sha256)
	last=$((size - 1))
	if [ "${#node}" -gt 15 ] || [ "$node" -gt "$last" ]; then
		bad "proof: index $node is not in a tree of $size"
		return
	fi
	for code in $(head -n 1 "$what" | sed -n "s/$form/\3/p" | tr -d '"' | tr ',' ' '); do
		sibling=$(hex_of "$code")
		if [ "$last" -eq 0 ] || [ "${#sibling}" -ne 64 ]; then
			bad "proof: its path is too long, or holds what is no digest"
			return
		fi
		if [ $((node % 2)) -eq 1 ] || [ "$node" -eq "$last" ]; then
			hash=$(printf '01%s%s\n' "$sibling" "$hash" | unhex | sha256)
			while [ $((node % 2)) -eq 0 ] && [ "$node" -ne 0 ]; do
				node=$((node / 2)) last=$((last / 2))
			done
		else
			hash=$(printf '01%s%s\n' "$hash" "$sibling" | unhex | sha256)
		fi
		node=$((node / 2)) last=$((last / 2))
	done
	[ "$last" -eq 0 ] || bad "proof: its path is too short"
	[ "$hash" = "$root" ] || bad "proof: the path leads to $hash, the root in the note is $root"
	[ "$findings" -gt 0 ] || say "the document: $(cat "$work/document")"
}

if [ -d "$what" ]; then
	kind=pack
	check_pack
elif head -c 12 "$what" | grep -q '^{"document":'; then
	kind=proof
	check_proof
else
	wrong "$what is neither the folder of a pack nor a proof; unpack a tar file first: tar xf $what"
fi
if [ "$findings" -gt 0 ]; then
	echo "NOT GOOD: $findings findings; do not rely on this $kind"
	exit 1
fi
echo "good: this $kind is whole and signed by $signer"
echo "$origin, run $(said run): $(said verdict); $size documents, cut $(said cut)"
