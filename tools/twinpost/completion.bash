# completion.bash - completion of twinpost's command line for bash.
# Installed as /usr/share/bash-completion/completions/twinpost. The keys of the configuration come from the program.

_twinpost()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
	local command="" i j
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--config | --socket | --profiles | --limit | --owner | --why | --key | --name | --output | --rules | --format) ((i++)) ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	case $before in
	--config | --socket | --key | --output | --legacy | --cloud | --ledger)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--profiles | --rules)
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
		;;
	--owner)
		mapfile -t COMPREPLY < <(compgen -W "technical data_quality mapping policy" -- "$word")
		return
		;;
	--format)
		mapfile -t COMPREPLY < <(compgen -W "html xlsx csv csv-bom json" -- "$word")
		return
		;;
	--cause)
		mapfile -t COMPREPLY < <(compgen -W "timing mapping master_data rounding fx_rate tax aggregation duplicate \
			late_posting data_quality missing amount unexplained" -- "$word")
		return
		;;
	--state)
		mapfile -t COMPREPLY < <(compgen -W "open acknowledged snoozed accept_pending accepted fixed_by_booking \
			auto_resolved all" -- "$word")
		return
		;;
	--limit | --why | --name | --from | --to | --entity | --at | --until | --token) return ;;
	esac
	local words verb="" all="run status queue trace exceptions pull replay resend key audit config mapping compare version help"
	# The second word of a command that has several.
	for ((j = i + 1; j < COMP_CWORD; j++)); do
		case ${COMP_WORDS[j]} in
		--config | --socket | --profiles | --limit | --owner | --why | --key | --name | --output | --rules | --format | \
			--legacy | --cloud | --ledger | --from | --to | --entity | --at | --cause | --state | --until | --token) ((j++)) ;;
		-*) ;;
		*)
			verb=${COMP_WORDS[j]}
			break
			;;
		esac
	done
	case $command in
	"") words="$all --config --socket --help --version" ;;
	run) words="--config --until-idle" ;;
	status) words="--json --watch" ;;
	queue) words="--json --limit" ;;
	trace | version) words="--json" ;;
	exceptions)
		case $verb in
		"") words="list show ack note retry --all --json --limit --owner" ;;
		list) words="--all --json --limit --owner" ;;
		ack | retry) words="--json --why" ;;
		*) words="--json" ;;
		esac
		;;
	pull) words="--json" ;;
	replay | resend) words="--json --why" ;;
	key)
		case $verb in
		"") words="make show rotate export-public" ;;
		rotate) words="--json --why" ;;
		show) words="--json" ;;
		make) words="--config" ;;
		export-public)
			mapfile -t COMPREPLY < <(compgen -f -- "$word")
			return
			;;
		esac
		;;
	audit)
		case $verb in
		"") words="list verify --json --limit" ;;
		list) words="--json --limit" ;;
		*) words="--json" ;;
		esac
		;;
	compare)
		case $verb in
		"") words="run show diff causes exceptions accept reject ack snooze reopen replay repost report export sign verify prove" ;;
		*)
			if [[ $word != -* ]]; then
				mapfile -t COMPREPLY < <(compgen -f -- "$word")
				return
			fi
			;;&
		run) words="--full --entity --from --to --legacy --cloud --ledger --rules --at --output --json" ;;
		show | causes) words="--json" ;;
		diff) words="--cause --entity --limit --json" ;;
		export) words="--output" ;;
		exceptions) words="--state --cause --entity --owner --limit --json" ;;
		accept) words="--cause --entity --preview --token --why --json" ;;
		snooze) words="--until --cause --entity --why --json" ;;
		reject | ack | reopen) words="--cause --entity --why --json" ;;
		replay) words="--rules --full --entity --from --to --legacy --cloud --ledger --at --limit --json" ;;
		repost) words="--cause --entity --preview --why --json" ;;
		report) words="--format --output" ;;
		sign) words="--key --name --output --rules --tar" ;;
		verify) words="--key" ;;
		prove) words="--output" ;;
		esac
		;;
	mapping)
		case $verb in
		"") words="check gaps" ;;
		*)
			if [[ $word == -* && $verb == gaps ]]; then
				words="--legacy --ledger --json"
			elif [[ $word == -* ]]; then
				words="--json"
			else
				mapfile -t COMPREPLY < <(compgen -d -- "$word")
				return
			fi
			;;
		esac
		;;
	help) words=$all ;;
	config)
		case " ${COMP_WORDS[*]:i+1:COMP_CWORD-i-1} " in
		*" check "*)
			if [[ $word == -* ]]; then
				words="--profiles"
			else
				mapfile -t COMPREPLY < <(compgen -f -- "$word")
				return
			fi
			;;
		*" explain "*) words=$(twinpost config explain --keys 2>/dev/null) ;;
		*) words="check explain" ;;
		esac
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -o filenames -F _twinpost twinpost
