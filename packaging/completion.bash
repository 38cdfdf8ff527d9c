# SPDX-License-Identifier: Apache-2.0
# bash completion for microtome
_microtome() {
  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]:-} before=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  if [[ $COMP_CWORD == 1 ]]; then
    mapfile -t COMPREPLY < <(compgen -W 'serve fcgi import inspect render up down status reload logs doctor --help --version' -- "$word")
    return
  fi
  case $before in
    --root | --to | --state) mapfile -t COMPREPLY < <(compgen -d -- "$word"); return ;;
    --keeper) mapfile -t COMPREPLY < <(compgen -W 'systemd supervisord cron none' -- "$word"); return ;;
    --for) mapfile -t COMPREPLY < <(compgen -W "$(microtome doctor --for list 2>/dev/null)" -- "$word"); return ;;
  esac
  local options='--help'
  case $command in
    serve | fcgi) options+=' --root --listen --threads --loops --backlog --mount --trust --public-url --log-file --cors --cache-control --jpeg-quality --max-cvt --filename-pattern --cache-size --check' ;;
    import) options+=' --to --name --tile --quality --jobs --progress --dry-run' ;;
    inspect) options+=' --json' ;;
    render) options+=' --root --output' ;;
    up) options+=' --listen --no-install --keeper --foreground --memory' ;;
    down) options+=' --purge' ;;
    status) options+=' --json' ;;
    logs) options+=' -f' ;;
    doctor) options+=' --for --public-url --json' ;;
  esac
  if [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _microtome microtome
