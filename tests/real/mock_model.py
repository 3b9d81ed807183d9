#!/usr/bin/env python3
"""Scripted mock model server (loopback only) for real coding-agent CLIs.

usage: python mock_model.py [--port 8787] [--log requests.jsonl] [--otlp otlp.jsonl]   (needs aiohttp; binds 127.0.0.1 only)

Speaks:  Anthropic Messages  POST /v1/messages (SSE)  + /v1/messages/count_tokens
         OpenAI Responses    POST /v1/responses (SSE)
         OpenAI Chat         POST /v1/chat/completions (SSE)
         Gemini              POST /v1beta/models/M:streamGenerateContent?alt=sse | :generateContent
         OTLP/HTTP sink      POST /v1/metrics|/v1/logs|/v1/traces  (logged as JSON lines to --otlp)
The scenario is picked by a keyword in the newest user text (see SCEN); the step is the
number of assistant turns after that text, so the server is stateless except error counters.
"""
import argparse, asyncio, json, time, uuid, re, collections
from aiohttp import web

TXT, SH = 'text', 'shell'
def step(text=None, tools=(), thinking=None, error=None, fail=0, hang=0, hang_at='mid', slow=0.0, out=None):
    return dict(text=text, tools=list(tools), thinking=thinking, error=error, fail=fail, hang=hang, hang_at=hang_at, slow=slow, out=out)
def sh(cmd, desc='Run a command', **kw): return ('shell', dict(command=cmd, description=desc, **kw))

SCEN = [
 ('say hello',        [step(text='Hello! How can I help with this project?')]),
 ('list the files',   [step(text="I'll list the files.", tools=[sh('echo hello from the shell && ls','List files')]), step(text='The project has the files shown above.')]),
 ('think about',      [step(thinking='The user wants a plan. Let me check two things at once.', text='Checking two things.', tools=[sh('echo one','First'), sh('echo two','Second')]),
                       step(thinking='Both fine.', text='Both checks passed.')]),
 ('write notes',      [step(text='Writing the notes file.', tools=[('write', dict(name='NOTES.md', content='# Notes\n\n- mock note\n'))]), step(text='NOTES.md written.')]),
 ('keep checking',    [step(tools=[sh('cat build.log','Check the build log')])]*8 + [step(text='The build log never changes; stopping.')]),
 ('fail forever',     [step(tools=[sh('python3 missing_script.py','Run script')])]*60),
 ('rate limited',     [step(text='Recovered after rate limiting.', error=429, fail=2)]),
 ('overloaded forever',[step(text='never', error=529, fail=10**6)]),
 ('overloaded',       [step(text='Recovered after overload.', error=529, fail=2)]),
 ('server error',     [step(text='Recovered after server errors.', error=500, fail=2)]),
 ('too long prompt',  [step(text='never', error=400, fail=10**6)]),
 ('bad key',          [step(text='never', error=401, fail=10**6)]),
 ('usage limit',      [step(text='never', error='usage_limit', fail=10**6)]),
 ('hang before',      [step(text='Sorry, that took a while.', hang=70, hang_at='start')]),
 ('hang midway',      [step(text='Starting to answer and then going quiet for a long while before the end.', hang=70, hang_at='mid')]),
 ('stream slowly',    [step(text=' '.join(f'word{i}' for i in range(60)), slow=0.5)]),
 ('long sleep',       [step(text='Running the long job.', tools=[sh('sleep 45 && echo done','Long job')]), step(text='The long job is done.')]),
 ('background job',   [step(text='Starting in the background.', tools=[sh('sleep 40','Background job', run_in_background=True)]), step(text='It runs in the background.')]),
 ('use a subagent',   [step(text='Delegating.', tools=[('agent', dict(description='Explore the repo', prompt='As the helper: inspect repo and report.', subagent_type='general-purpose'))]),
                       step(text='The subagent finished; all good.')]),
 ('use two subagents',[step(text='Delegating twice.', tools=[('agent', dict(description='Explore A', prompt='As the helper: inspect repo and report. Part A', subagent_type='general-purpose')),
                                                              ('agent', dict(description='Explore B', prompt='As the helper: inspect repo and report. Part B', subagent_type='general-purpose'))]),
                       step(text='Both subagents finished.')]),
 ('inspect repo',     [step(text='Looking.', tools=[sh('ls -la','List all')]), step(text='Report: small repo with a build log.')]),
 ('deploy now',       [step(text='Deploying.', tools=[sh('touch deployed.txt','Deploy')]), step(text='Deploy step finished.')]),
 ('make todos',       [step(text='Planning.', tools=[('todo', {})]), step(text='Todos are set.')]),
 ('ask me',           [step(text='I need a decision.', tools=[('ask', {})]), step(text='Thanks for the decision.')]),
 ('big context',      [step(text='Reading a lot.', out=900, tools=[sh('echo big','Big')]), step(text='Done with the big context.', out=1200)]),
]
FALLBACK = [step(text='Okay.')]
COUNT = collections.Counter()
ARGS = None

def pick(texts):
    """texts: list of (pos, text) of user texts in order -> (key, steps, pos)"""
    for pos, t in reversed(texts):
        low = t.lower()
        if 'summary of the conversation' in low and 'your task is to create' in low:
            return 'compact', [step(text='<analysis>short</analysis>\n<summary>The user asked for small things; all were done.</summary>', out=400)], pos
        best = None
        for k, s in SCEN:
            i = low.rfind(k)
            if i >= 0 and (best is None or i > best[0]):
                best = (i, k, s)
        if best: return best[1], best[2], pos
    return 'fallback', FALLBACK, texts[-1][0] if texts else 0

def usage_for(n_items, st):
    """n_items = number of prior messages; growing cache like a real conversation"""
    return dict(fresh=4 + n_items, cc=1200 + 150*n_items, cr=14000 + 1350*n_items, out=st['out'] or 60 + 5*n_items, think=20 if st['thinking'] else 0)

def log(kind, req, body, **kw):
    rec = dict(t=time.time(), kind=kind, path=req.path_qs, headers={k: v for k, v in req.headers.items() if k.lower() not in ('accept','accept-encoding','connection','content-length','host')}, **kw)
    b = dict(body) if isinstance(body, dict) else {'raw': str(body)[:500]}
    def trim(x, d=0):
        if isinstance(x, str): return x if len(x) < 300 else x[:300] + f'...[{len(x)}]'
        if isinstance(x, list): return [trim(i, d+1) for i in x]
        if isinstance(x, dict): return {k: trim(v, d+1) for k, v in x.items()}
        return x
    if 'tools' in b and isinstance(b['tools'], list):
        b['tools'] = [t.get('name') or (t.get('function') or {}).get('name') or [f.get('name') for f in t.get('functionDeclarations', [])] or t.get('type') for t in b['tools']]
    rec['body'] = trim(b)
    with open(ARGS.log, 'a') as f: f.write(json.dumps(rec) + '\n')

async def sse(req, headers=None):
    r = web.StreamResponse(headers={'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache', **(headers or {})})
    await r.prepare(req); return r
async def ev(r, typ, data, named=True):
    s = (f'event: {typ}\n' if named else '') + 'data: ' + (data if isinstance(data, str) else json.dumps(data)) + '\n\n'
    await r.write(s.encode())

async def gate(st, key, n):
    """error / hang before first byte; returns error or None"""
    if st['error'] is not None:
        c = COUNT[(key, n)]; COUNT[(key, n)] += 1
        if c < st['fail']: return st['error']
        COUNT[(key, n)] = 0
    if st['hang'] and st['hang_at'] == 'start': await asyncio.sleep(st['hang'])
    return None
def chunks(text): return re.findall(r'\S+\s*', text) or ['']
async def text_chunks(st):
    cs = chunks(st['text'] or '')
    for i, c in enumerate(cs):
        if st['hang'] and st['hang_at'] == 'mid' and i == len(cs)//2: await asyncio.sleep(st['hang'])
        if st['slow']: await asyncio.sleep(st['slow'])
        yield c

def toolmap(kind, a, names, cwd='/tmp/demo/webapp'):
    """map the abstract tool call to (name, args) for whichever client asks (by its tool names)"""
    has = lambda *c: next((x for x in c if x in names), None)
    if kind == 'shell':
        n = has('Bash', 'bash', 'exec_command', 'shell_command', 'shell', 'run_shell_command')
        if n in ('Bash','bash','run_shell_command'):
            d = dict(command=a['command'], description=a['description'])
            if n == 'Bash' and a.get('run_in_background'): d['run_in_background'] = True
            return n, d
        if n == 'exec_command': return n, dict(cmd=a['command'], **(dict(sandbox_permissions='require_escalated', justification='Deploy needs write access') if a['command'].startswith('touch') else {}))
        if n == 'shell': return n, dict(command=['bash','-lc',a['command']])
        return n or 'Bash', dict(command=a['command'])
    if kind == 'write':
        n = has('Write', 'write', 'write_file', 'exec_command', 'shell_command', 'shell')
        p = f"{cwd}/{a['name']}"
        if n == 'Write': return n, dict(file_path=p, content=a['content'])
        if n == 'write': return n, dict(filePath=p, content=a['content'])
        if n == 'write_file': return n, dict(file_path=p, content=a['content'])
        cmd = f"printf %s {json.dumps(a['content'])} > {a['name']}"
        return toolmap('shell', dict(command=cmd, description='write'), names)
    if kind == 'agent':
        n = has('Agent', 'Task', 'task', 'spawn_agent', 'invoke_agent')
        if n == 'task': return n, dict(a, subagent_type='general')
        if n == 'spawn_agent': return n, dict(task_name='explore_repo', message=a['prompt'])
        if n == 'invoke_agent': return n, dict(agent_name='generalist', prompt=a['prompt'])
        if n: return n, a
        return toolmap('shell', dict(command='echo no-subagent-tool', description='no subagent'), names)
    if kind == 'todo':
        n = has('TodoWrite', 'todowrite', 'TaskCreate', 'update_plan', 'write_todos')
        if n == 'TodoWrite': return n, dict(todos=[dict(content='Do A', status='in_progress', activeForm='Doing A'), dict(content='Do B', status='pending', activeForm='Doing B')])
        if n == 'todowrite': return n, dict(todos=[dict(id='1', content='Do A', status='in_progress', priority='high')])
        if n == 'TaskCreate': return n, dict(subject='Do A', description='Do the A thing', activeForm='Doing A')
        if n == 'update_plan': return n, dict(plan=[dict(step='Do A', status='in_progress')])
        return toolmap('shell', dict(command='echo no-todo-tool', description='no todo'), names)
    if kind == 'ask':
        n = has('AskUserQuestion', 'question', 'request_user_input', 'ask_user')
        q = dict(question='Which database?', header='DB', options=[dict(label='sqlite', description='file'), dict(label='postgres', description='server')])
        if n == 'AskUserQuestion': return n, dict(questions=[dict(q, multiSelect=False)])
        if n == 'question': return n, dict(questions=[q])
        if n == 'request_user_input': return n, dict(questions=[dict(id='db', **q)])
        return toolmap('shell', dict(command='echo no-ask-tool', description='no ask'), names)

# ---------------- Anthropic ----------------
def a_texts(msgs):
    out = []
    for i, m in enumerate(msgs):
        if m.get('role') != 'user': continue
        c = m.get('content')
        if isinstance(c, str): out.append((i, c)); continue
        t = ' '.join(b.get('text', '') for b in c if b.get('type') == 'text' and not b.get('text','').lstrip().startswith('<system-reminder>'))
        if t.strip(): out.append((i, t))
    return out
ERR = {429: ('rate_limit_error', 'This request would exceed your account\'s rate limit. Please try again later.'), 529: ('overloaded_error', 'Overloaded'), 500: ('api_error', 'Internal server error'),
       400: ('invalid_request_error', 'prompt is too long: 210000 tokens > 200000 maximum'), 401: ('authentication_error', 'invalid x-api-key')}
async def anthropic(req):
    body = await req.json(); msgs = body.get('messages', []); names = [t.get('name') for t in body.get('tools', [])]
    key, steps, pos = pick(a_texts(msgs))
    n = sum(1 for m in msgs[pos+1:] if m.get('role') == 'assistant')
    side = not names and key != 'compact'
    st = step(text='{"title": "Mock session title"}') if side else steps[min(n, len(steps)-1)]
    log('anthropic', req, body, scenario=key, step=n, side=side)
    e = await gate(st, key, n)
    rid = 'req_' + uuid.uuid4().hex[:20]
    if e:
        rh = {'request-id': rid}
        if e == 'usage_limit':
            rh.update({'anthropic-ratelimit-unified-status': 'rejected', 'anthropic-ratelimit-unified-reset': str(int(time.time())+3600), 'anthropic-ratelimit-unified-representative-claim': 'five_hour', 'x-should-retry': 'false'})
            e = 429
        elif e == 429: rh['retry-after'] = '1'
        t, m = ERR[e]
        return web.json_response({'type': 'error', 'error': {'type': t, 'message': m}, 'request_id': rid}, status=e, headers=rh)
    u = usage_for(len(msgs), st); mid = 'msg_' + uuid.uuid4().hex[:24]
    usage0 = {'input_tokens': u['fresh'], 'cache_creation_input_tokens': u['cc'], 'cache_read_input_tokens': u['cr'],
              'cache_creation': {'ephemeral_5m_input_tokens': u['cc'], 'ephemeral_1h_input_tokens': 0}, 'output_tokens': 1, 'service_tier': 'standard'}
    blocks = []
    if st['thinking']: blocks.append(('thinking', st['thinking']))
    if st['text']: blocks.append(('text', st['text']))
    for k, a in st['tools']:
        blocks.append(('tool_use', toolmap(k, a, names)))
    stop = 'tool_use' if st['tools'] else 'end_turn'
    if not body.get('stream'):
        content = []
        for t, v in blocks:
            if t == 'text': content.append({'type': 'text', 'text': v})
            elif t == 'tool_use': content.append({'type': 'tool_use', 'id': 'toolu_' + uuid.uuid4().hex[:22], 'name': v[0], 'input': v[1]})
        return web.json_response({'id': mid, 'type': 'message', 'role': 'assistant', 'model': body.get('model'), 'content': content, 'stop_reason': stop, 'stop_sequence': None, 'usage': dict(usage0, output_tokens=u['out'])}, headers={'request-id': rid})
    r = await sse(req, {'request-id': rid})
    await ev(r, 'message_start', {'type': 'message_start', 'message': {'id': mid, 'type': 'message', 'role': 'assistant', 'model': body.get('model'), 'content': [], 'stop_reason': None, 'stop_sequence': None, 'usage': usage0}})
    for i, (t, v) in enumerate(blocks):
        if t == 'thinking':
            await ev(r, 'content_block_start', {'type': 'content_block_start', 'index': i, 'content_block': {'type': 'thinking', 'thinking': '', 'signature': ''}})
            await ev(r, 'content_block_delta', {'type': 'content_block_delta', 'index': i, 'delta': {'type': 'thinking_delta', 'thinking': v}})
            await ev(r, 'content_block_delta', {'type': 'content_block_delta', 'index': i, 'delta': {'type': 'signature_delta', 'signature': 'bW9ja3NpZ25hdHVyZQ=='}})
        elif t == 'text':
            await ev(r, 'content_block_start', {'type': 'content_block_start', 'index': i, 'content_block': {'type': 'text', 'text': ''}})
            async for c in text_chunks(st):
                await ev(r, 'content_block_delta', {'type': 'content_block_delta', 'index': i, 'delta': {'type': 'text_delta', 'text': c}})
        else:
            await ev(r, 'content_block_start', {'type': 'content_block_start', 'index': i, 'content_block': {'type': 'tool_use', 'id': 'toolu_' + uuid.uuid4().hex[:22], 'name': v[0], 'input': {}}})
            await ev(r, 'content_block_delta', {'type': 'content_block_delta', 'index': i, 'delta': {'type': 'input_json_delta', 'partial_json': json.dumps(v[1])}})
        await ev(r, 'content_block_stop', {'type': 'content_block_stop', 'index': i})
    await ev(r, 'message_delta', {'type': 'message_delta', 'delta': {'stop_reason': stop, 'stop_sequence': None}, 'usage': {'input_tokens': u['fresh'], 'cache_creation_input_tokens': u['cc'], 'cache_read_input_tokens': u['cr'], 'output_tokens': u['out']}})
    await ev(r, 'message_stop', {'type': 'message_stop'})
    return r
async def count_tokens(req):
    body = await req.json(); log('count_tokens', req, body)
    return web.json_response({'input_tokens': 12345})

# ---------------- OpenAI Responses ----------------
def r_texts(items):
    out = []
    for i, m in enumerate(items):
        if m.get('type', 'message') != 'message' or m.get('role') != 'user': continue
        c = m.get('content')
        t = c if isinstance(c, str) else ' '.join(b.get('text', '') for b in c or [])
        if t.lstrip().startswith(('<environment_context>', '# AGENTS.md', '<user_instructions>', '<permissions')): continue
        if t.strip(): out.append((i, t))
    return out
OERR = {429: ('rate_limit_exceeded', 'Rate limit reached. Please try again in 1s.'), 529: ('server_is_overloaded', 'Overloaded'), 500: ('server_error', 'Internal server error'),
        400: ('context_length_exceeded', 'Your input exceeds the context window of this model.'), 401: ('invalid_api_key', 'Incorrect API key provided'), 'usage_limit': ('usage_limit_reached', 'The usage limit has been reached')}
def oerr(e):
    c, m = OERR[e]; status = 429 if e == 'usage_limit' else (503 if e == 529 else e)
    d = {'error': {'message': m, 'type': c, 'code': c, 'param': None}}
    if e == 'usage_limit': d['error'].update(plan_type='plus', resets_in_seconds=3600, resets_at=int(time.time())+3600)
    return web.json_response(d, status=status, headers={'retry-after': '1', 'x-request-id': 'req_' + uuid.uuid4().hex[:12]})
def flat_names(tools):
    out = []
    for t in tools or []:
        n = t.get('name') or (t.get('function') or {}).get('name') or t.get('type')
        out.append(n)
        for s in t.get('tools', []) or []: out.append(s.get('name'))
    return out
async def responses(req):
    raw = await req.read()
    if req.headers.get('content-encoding') == 'zstd':
        return web.json_response({'error': {'message': 'zstd'}}, status=400)
    body = json.loads(raw); items = body.get('input', []); items = items if isinstance(items, list) else [{'role': 'user', 'content': items}]
    names = flat_names(body.get('tools'))
    key, steps, pos = pick(r_texts(items))
    if 'context checkpoint compaction' in json.dumps(items[-1]).lower(): key, steps, pos = 'compact', [step(text='Summary: small things were done.')], len(items)-1
    n, prev = 0, None
    for m in items[pos+1:]:
        is_a = (m.get('type') in ('function_call', 'custom_tool_call', 'local_shell_call', 'reasoning')) or (m.get('role') == 'assistant')
        if is_a and not prev: n += 1
        prev = is_a
    st = steps[min(n, len(steps)-1)]
    log('responses', req, body, scenario=key, step=n)
    e = await gate(st, key, n)
    if e: return oerr(e)
    u = usage_for(len(items), st); rid = 'resp_' + uuid.uuid4().hex[:24]
    r = await sse(req, {'x-request-id': 'req_' + uuid.uuid4().hex[:12],
        'x-codex-primary-used-percent': '42.5', 'x-codex-primary-window-minutes': '300', 'x-codex-primary-reset-at': str(int(time.time())+3600),
        'x-codex-secondary-used-percent': '11.0', 'x-codex-secondary-window-minutes': '10080', 'x-codex-secondary-reset-at': str(int(time.time())+86400)})
    base = {'id': rid, 'object': 'response', 'created_at': int(time.time()), 'model': body.get('model'), 'output': []}
    await ev(r, 'response.created', {'type': 'response.created', 'response': dict(base, status='in_progress')})
    out = []; idx = 0
    if st['thinking']:
        it = {'type': 'reasoning', 'id': 'rs_' + uuid.uuid4().hex[:20], 'summary': [{'type': 'summary_text', 'text': st['thinking']}], 'encrypted_content': 'bW9jaw=='}
        await ev(r, 'response.output_item.added', {'type': 'response.output_item.added', 'output_index': idx, 'item': dict(it, summary=[])})
        await ev(r, 'response.reasoning_summary_text.delta', {'type': 'response.reasoning_summary_text.delta', 'item_id': it['id'], 'output_index': idx, 'summary_index': 0, 'delta': st['thinking']})
        await ev(r, 'response.output_item.done', {'type': 'response.output_item.done', 'output_index': idx, 'item': it}); out.append(it); idx += 1
    if st['text']:
        it = {'type': 'message', 'id': 'msg_' + uuid.uuid4().hex[:20], 'role': 'assistant', 'status': 'completed', 'content': [{'type': 'output_text', 'text': st['text'], 'annotations': []}]}
        await ev(r, 'response.output_item.added', {'type': 'response.output_item.added', 'output_index': idx, 'item': dict(it, content=[], status='in_progress')})
        async for c in text_chunks(st):
            await ev(r, 'response.output_text.delta', {'type': 'response.output_text.delta', 'item_id': it['id'], 'output_index': idx, 'content_index': 0, 'delta': c})
        await ev(r, 'response.output_item.done', {'type': 'response.output_item.done', 'output_index': idx, 'item': it}); out.append(it); idx += 1
    for k, a in st['tools']:
        nm, args = toolmap(k, a, names)
        it = {'type': 'function_call', 'id': 'fc_' + uuid.uuid4().hex[:20], 'call_id': 'call_' + uuid.uuid4().hex[:20], 'name': nm, 'arguments': json.dumps(args), 'status': 'completed'}
        if nm == 'spawn_agent':
            ns = next((t.get('name') for t in body.get('tools', []) if t.get('type') == 'namespace' and any(s.get('name') == nm for s in t.get('tools', []))), None)
            if ns: it['namespace'] = ns
        await ev(r, 'response.output_item.added', {'type': 'response.output_item.added', 'output_index': idx, 'item': dict(it, arguments='', status='in_progress')})
        await ev(r, 'response.output_item.done', {'type': 'response.output_item.done', 'output_index': idx, 'item': it}); out.append(it); idx += 1
    tot_in = u['fresh'] + u['cc'] + u['cr']
    usage = {'input_tokens': tot_in, 'input_tokens_details': {'cached_tokens': u['cr']}, 'output_tokens': u['out'] + u['think'], 'output_tokens_details': {'reasoning_tokens': u['think']}, 'total_tokens': tot_in + u['out'] + u['think']}
    await ev(r, 'response.completed', {'type': 'response.completed', 'response': dict(base, status='completed', output=out, usage=usage)})
    return r

# ---------------- OpenAI chat ----------------
async def chat(req):
    body = await req.json(); msgs = body.get('messages', []); names = flat_names(body.get('tools'))
    texts = []
    for i, m in enumerate(msgs):
        if m.get('role') == 'user':
            c = m.get('content'); t = c if isinstance(c, str) else ' '.join(b.get('text', '') for b in c if b.get('type') == 'text')
            texts.append((i, t))
    key, steps, pos = pick(texts)
    n = sum(1 for m in msgs[pos+1:] if m.get('role') == 'assistant')
    side = not names
    st = step(text='Mock title') if side else steps[min(n, len(steps)-1)]
    log('chat', req, body, scenario=key, step=n, side=side)
    e = await gate(st, key, n)
    if e: return oerr(e)
    u = usage_for(len(msgs), st); cid = 'chatcmpl-' + uuid.uuid4().hex[:20]
    tot_in = u['fresh'] + u['cc'] + u['cr']
    usage = {'prompt_tokens': tot_in, 'completion_tokens': u['out'] + u['think'], 'total_tokens': tot_in + u['out'] + u['think'], 'prompt_tokens_details': {'cached_tokens': u['cr']}, 'completion_tokens_details': {'reasoning_tokens': u['think']}}
    tcs = []
    for i, (k, a) in enumerate(st['tools']):
        nm, args = toolmap(k, a, names); tcs.append({'index': i, 'id': 'call_' + uuid.uuid4().hex[:20], 'type': 'function', 'function': {'name': nm, 'arguments': json.dumps(args)}})
    fin = 'tool_calls' if tcs else 'stop'
    if not body.get('stream'):
        m = {'role': 'assistant', 'content': st['text'] or None}
        if tcs: m['tool_calls'] = [{k: v for k, v in t.items() if k != 'index'} for t in tcs]
        return web.json_response({'id': cid, 'object': 'chat.completion', 'created': int(time.time()), 'model': body.get('model'), 'choices': [{'index': 0, 'message': m, 'finish_reason': fin}], 'usage': usage})
    r = await sse(req); b = {'id': cid, 'object': 'chat.completion.chunk', 'created': int(time.time()), 'model': body.get('model')}
    async def ch(delta, f=None): await ev(r, '', dict(b, choices=[{'index': 0, 'delta': delta, 'finish_reason': f}]), named=False)
    await ch({'role': 'assistant', 'content': ''})
    if st['thinking']: await ch({'reasoning_content': st['thinking']})
    async for c in text_chunks(st):
        if c: await ch({'content': c})
    for t in tcs: await ch({'tool_calls': [t]})
    await ch({}, fin)
    await ev(r, '', dict(b, choices=[], usage=usage), named=False)
    await ev(r, '', '[DONE]', named=False)
    return r

# ---------------- Gemini ----------------
async def gemini(req):
    body = await req.json(); cont = body.get('contents', []); mm = re.search(r'models/([^:]+):(\w+)', req.path); model, verb = mm.group(1), mm.group(2)
    names = [f.get('name') for t in body.get('tools', []) or [] for f in t.get('functionDeclarations', [])]
    if verb == 'countTokens': log('gemini', req, body); return web.json_response({'totalTokens': 1234})
    texts = []
    for i, m in enumerate(cont):
        if m.get('role') == 'user':
            t = ' '.join(p.get('text', '') for p in m.get('parts', []) if not p.get('text','').lstrip().startswith('<session_context>'))
            if t.strip(): texts.append((i, t))
    key, steps, pos = pick(texts)
    n = sum(1 for m in cont[pos+1:] if m.get('role') == 'model')
    side = not names
    st = step(text='{"reasoning":"mock","model_choice":"flash","next_speaker":"user","complexity_reasoning":"x","complexity_score":1}') if side else steps[min(n, len(steps)-1)]
    log('gemini', req, body, scenario=key, step=n, side=side)
    e = await gate(st, key, n)
    if e:
        s = {529: 503, 'usage_limit': 429}.get(e, e)
        det = []
        if s == 429: det = [{'@type': 'type.googleapis.com/google.rpc.RetryInfo', 'retryDelay': '1s'}]
        return web.json_response({'error': {'code': s, 'message': 'mock error %s' % s, 'status': {429: 'RESOURCE_EXHAUSTED', 503: 'UNAVAILABLE', 500: 'INTERNAL', 400: 'INVALID_ARGUMENT', 401: 'UNAUTHENTICATED'}[s], 'details': det}}, status=s)
    u = usage_for(len(cont), st); tot_in = u['fresh'] + u['cc'] + u['cr']
    um = {'promptTokenCount': tot_in, 'cachedContentTokenCount': u['cr'], 'candidatesTokenCount': u['out'], 'thoughtsTokenCount': u['think'], 'totalTokenCount': tot_in + u['out'] + u['think']}
    rid = uuid.uuid4().hex[:16]
    def pack(parts, f=None, usage=True):
        d = {'candidates': [{'content': {'role': 'model', 'parts': parts}, 'index': 0}], 'modelVersion': model, 'responseId': rid}
        if f: d['candidates'][0]['finishReason'] = f
        if usage: d['usageMetadata'] = um
        return d
    fcs = []
    for k, a in st['tools']:
        nm, args = toolmap(k, a, names); fcs.append({'functionCall': {'name': nm, 'args': args}})
    if verb == 'generateContent':
        return web.json_response(pack(([{'text': st['text']}] if st['text'] else []) + fcs, 'STOP'))
    r = await sse(req)
    if st['thinking']: await ev(r, '', pack([{'text': '**Thinking** ' + st['thinking'], 'thought': True}]), named=False)
    if st['text']:
        async for c in text_chunks(st): await ev(r, '', pack([{'text': c}]), named=False)
    if fcs: await ev(r, '', pack(fcs), named=False)
    await ev(r, '', pack([{'text': ''}], 'STOP'), named=False)
    return r

async def otlp(req):
    raw = await req.read()
    try: d = json.loads(raw)
    except Exception: d = {'binary_len': len(raw)}
    with open(ARGS.otlp, 'a') as f: f.write(json.dumps(dict(t=time.time(), path=req.path, ct=req.headers.get('content-type'), data=d)) + '\n')
    return web.json_response({})
async def models(req):
    return web.json_response({'object': 'list', 'data': [{'id': 'mock-small', 'object': 'model'}, {'id': 'mock-large', 'object': 'model'}]})
async def other(req):
    body = (await req.read())[:300]; log('OTHER', req, body.decode('utf8', 'replace'))
    return web.json_response({'error': {'type': 'not_found_error', 'message': 'mock: ' + req.path}}, status=404)

def main():
    global ARGS
    ap = argparse.ArgumentParser(); ap.add_argument('--port', type=int, default=8787); ap.add_argument('--log', default='requests.jsonl'); ap.add_argument('--otlp', default='otlp.jsonl')
    ARGS = ap.parse_args()
    app = web.Application(client_max_size=64*2**20)
    app.router.add_post('/v1/messages', anthropic); app.router.add_post('/v1/messages/count_tokens', count_tokens)
    app.router.add_post('/v1/responses', responses); app.router.add_post('/v1/chat/completions', chat); app.router.add_get('/v1/models', models)
    app.router.add_post(r'/v1beta/models/{rest:.*}', gemini)
    for p in ('metrics', 'logs', 'traces'): app.router.add_post('/v1/' + p, otlp)
    app.router.add_route('*', '/{tail:.*}', other)
    web.run_app(app, host='127.0.0.1', port=ARGS.port, print=None)
if __name__ == "__main__":
    main()
