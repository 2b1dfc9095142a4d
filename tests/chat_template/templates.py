"""Chat templates in the manners that models use, written for these tests, and between them every
construct of the subset."""

TEMPLATES = {
    "chatml": (
        "{% for message in messages %}"
        "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
        "{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    ),
    "system_first": """\
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content'] | trim %}
    {%- set rest = messages[1:] %}
{%- else %}
    {%- set system_message = 'You are careful.' %}
    {%- set rest = messages %}
{%- endif %}
{{- bos_token + '[SYS]' + system_message + '[/SYS]\\n' }}
{%- for message in rest %}
    {%- if loop.last %}{{ '>> ' }}{% endif %}
    {{- loop.index }}/{{ loop.length }} {{ message.role ~ ': ' ~ message.content }}
{% endfor %}
{%- if rest | length > 2 %}{{ 'long' }}{% elif rest | length == 2 %}{{ 'two' }}{% else %}{{ 'short' }}{% endif %}
""",
    "instructions": (
        "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
        "{% set system_message = messages[0]['content'] %}"
        "{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}"
        "{% for message in loop_messages %}"
        "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('Roles must alternate, found ' + message['role'] + '!') }}{% endif %}"
        "{% if loop.index0 == 0 and system_message != false %}"
        "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
        "{% else %}{% set content = message['content'] %}{% endif %}"
        "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
        "{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}"
        "{% endfor %}"
    ),
    "turns": (
        "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
        "{% endif %}{% for message in messages %}"
        "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}"
        "{% else %}{% set role = message['role'] %}{% endif %}"
        "{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
    ),
    "headers": """\
{% set loop_messages = messages %}{% for message in loop_messages %}
{% set content = '<|start|>' + message['role'] + '<|end|>\n\n' + message['content'] | trim + '<|eot|>' %}
{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}
{{ content }}{% endfor %}
{% if add_generation_prompt %}{{ '<|start|>assistant<|end|>\n\n' }}{% endif %}""",
    "namespace": """\
{%- set ns = namespace(found=false, system='', rounds=0, last='nobody') %}
{%- for message in messages %}
    {%- if message.role == 'system' %}
        {%- set ns.found = true %}
        {%- set ns.system = ns.system ~ message.content ~ ';' %}
    {%- else %}
        {%- set ns.rounds = ns.rounds + 1 %}
        {%- set ns.last = message.role %}
    {%- endif %}
{%- endfor %}
{{- ns.found }} {{ ns.system }} {{ ns.rounds }} {{ ns.last }}
""",
    "tools": """\
{%- if tools is defined and tools %}
    {%- for tool in tools %}{{ tool | tojson }}{% endfor %}
{%- endif %}
{%- if not date_string is defined %}{% set date_string = '26 Jul 2024' %}{% endif %}
{%- if not flag is defined %}{%- set flag = none %}{%- endif %}
Date: {{ date_string }}{{ flag }}
{%- for message in messages %}
    {%- if message.role == 'assistant' and message.tool_calls is defined and message.tool_calls %}
        {{- message.tool_calls[0].name }}
    {%- elif message.content is string and message['content'] is not none %}
        {{- '\\n' ~ message.role ~ '=' ~ message.content.split('</think>')[-1].lstrip() }}
    {%- endif %}
{%- endfor %}
""",
    "operators": """\
{% for message in messages %}
{% if message.role in ['user', 'tool'] and not loop.first or loop.last %}A{% endif %}
{% if message.role not in ('user', 'assistant') %}B{% endif %}
{% if 'x' in message.content %}C{% endif %}
{% if message.content not in message.role %}D{% endif %}
{% if message.content %}E{% else %}F{% endif %}
{% if message.content | length >= 3 and message.content|length < 10 %}G{% endif %}
{% if 1 < loop.index <= 3 %}H{% endif %}
{% if message.content.startswith('a') or message.content.endswith('z') %}I{% endif %}
{% if loop.revindex0 - loop.index0 * 2 != 0 %}J{% endif %}
{% if (loop.index0 - 3) % 3 == 1 %}K{% endif %}
{% if 'content' in message and 'name' not in message %}L{% endif %}
{{ 'first' if loop.first else message.role }} {{ message.content or 'empty' }} {{ message.name | default('?') }}
{{ loop.revindex }} {{ loop.first }} {{ -loop.index }} {{ none }} {{ message.content|length + 1 }}{{ nothing }}
{{ message.content.split('|')[0].rstrip() }}
{% if message.role == messages[-1].role == 'user' %}M{% endif %}
{% if message.role != messages[loop.index0 - 1]['role'] %}N{% endif %}
{% endfor %}""",
    "control": """\
{#- A comment is nothing. -#}
{% for message in messages %}{% if message.role == 'stop' %}{% break %}{% endif %}
{% if message.role == 'skip' %}{% continue %}{% endif %}
{{ message.content }}
{% else %}
no messages
{% endfor %}
{% for message in messages[:-1] %}{% for inner in messages[1:3] %}{{ inner.role }}{{ loop.index }}{% endfor %}{% else %}
fewer than two
{% endfor %}""",
    "scopes": """\
{% set name = 'outer' %}
{% for message in messages %}
{% if loop.index0 == 1 %}{% set name = 'inner' %}{% endif %}
{{ name }} {% set name = message.content %}{{ name }}
{% endfor %}
{{ name }}{% if messages | length > 1 %}{% set late = messages[1].content %}{% endif %}[{{ late }}]
{% if late is defined %}late{% endif %}{% if name == 'outer' %}{% set name = name ~ add_generation_prompt %}{% endif %}
{{ name | trim }}""",
    "literals": (
        "{{ 'quote \" backslash \\\\ tab\t nul-free é 東京 😀 ?? %s {' }}{{ \"it's\" }}\n"
        "{% if 'a' == 'a' and 2 * 3 == 6 and not false and 'b' in 'abc' %}yes{% endif %}\n"
        "{{ 1 + 2 * 3 - 4 }}{{ 'x' ~ 1 ~ none ~ true }}\n"
    ),
    "choices": """\
{% set system = messages[0].content if messages and messages[0].role == 'system' else none %}
{% set rest = messages[1:] if system is not none else messages %}
{% set ns = namespace(rest=rest, seen='') %}
{% if system is none %}no system{% elif system %}{{ system | trim }}{% else %}empty system{% endif %}
{% for message in ns.rest %}
{% set ns.rest = ns.rest[1:] %}{% set ns.seen = ns.seen + (message.role or 'nobody') + ' ' %}
{% set shown = (message.content if message.role == 'user' else '<' ~ message.content ~ '>') %}
{% set last = loop.last and message.role == 'user' %}
{{ shown }}{{ ' last' if last else '' }}{{ unknown | default('d' ~ message.role) }}{{ ('a' ~ loop.index) | string }}
{{ (bos_token if add_generation_prompt else eos_token) + (message.name or message.role) }}
{% endfor %}
{{ ns.rest | length }}{{ ns.seen }}{{ system }}{{ (system or 'none') ~ '.' }}
""",
    "exact_index": "{{ messages[0].content }}{% if messages[-1].role == 'user' and messages|length > 1 %}{{ messages[1]['role'] }}{% endif %}",
    "empty": "",
}
