# completion.bash - completion of twinpost's command line for bash.
# Installed as /usr/share/bash-completion/completions/twinpost. The keys of the configuration come from the program.

_twinpost()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
	local command="" i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--config | --socket | --profiles | --limit) ((i++)) ;;
		-*) ;;
		*)
			command=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	case $before in
	--config | --socket)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	--profiles)
		mapfile -t COMPREPLY < <(compgen -d -- "$word")
		return
		;;
	--limit) return ;;
	esac
	local words
	case $command in
	"") words="run status queue trace exceptions pull config version help --config --socket --help --version" ;;
	run) words="--config --until-idle" ;;
	status) words="--json --watch" ;;
	queue) words="--json --limit" ;;
	trace | version) words="--json" ;;
	exceptions) words="--all --json --limit" ;;
	pull) words="--json" ;;
	help) words="run status queue trace exceptions pull config version" ;;
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
