def leb(v):
    o=b''
    while True:
        b=v&0x7f; v>>=7
        if v: o+=bytes([b|0x80])
        else: return o+bytes([b])
def sec(i,c): return bytes([i])+leb(len(c))+c
def module(types,n,body,export=True):
    f=leb(n)+b'\0'*n
    code=leb(n)+(leb(len(body))+body)*n
    return b'\0asm\1\0\0\0'+sec(1,types)+sec(3,f)+sec(10,code)
void=b'\1\x60\0\0'
def w(name,b): open(name,'wb').write(b); print(name,len(b))
# locals: n functions x 50000
for n in (200,1900): w(f'locals{n}.wasm',module(void,n,b'\1'+leb(50000)+b'\x7f\x0b'))
# results
t=b'\1\x60\0'+leb(1000)+b'\x7f'*1000
w('calls.wasm',module(t,30,b'\0'+b'\x10\0'*3000+b'\0\x0b'))
w('calls3.wasm',module(t,3,b'\0'+b'\x10\0'*3000+b'\0\x0b'))
def loops(d,l):
    b=b'\1'+leb(l)+b'\x7f'+b'\x03\x40'*d
    for i in range(l): b+=b'\x20'+leb(i)+b'\x1a'
    return b+b'\x0b'*(d+1)
for d,l in ((1000,1000),(3000,3000),(10000,5000),(20000,20000)): w(f'loops{d}x{l}.wasm',module(void,1,loops(d,l)))
# br_table: nested blocks with params
def brt(d,k):
    # type 0 void, type1: ()->(k results)
    types=b'\2\x60\0\0\x60\0'+leb(k)+b'\x7f'*k
    b=b'\0'+ (b'\x02'+leb(1))*d
    b+=b'\0'  # unreachable
    b+=b'\x0e'+leb(d)+b''.join(leb(i) for i in range(d))+leb(0)
    b+=b'\x0b'*d
    b+=b'\0\x0b'
    return module(types,1,b)
w('brt.wasm',brt(5000,1000))
w('brt1.wasm',brt(300,1000))
# reachable br_table: push k values via call then br_table
def brt2(d,k):
    types=b'\2\x60\0\0\x60\0'+leb(k)+b'\x7f'*k
    # func0 type1 (gives k results): unreachable ; func1 type0
    f=b'\2\1\0'
    body0=b'\0\0\x0b'
    b=b'\0'+(b'\x02'+leb(1))*d+b'\x10\0'+b'\x41\0'
    b+=b'\x0e'+leb(d-1)+b''.join(leb(i) for i in range(d-1))+leb(0)
    b+=b'\x0b'
    b+=(b'\x0c'+leb(0)+b'\x0b')*(d-1)
    b+=b'\0\x0b'
    code=b'\2'+leb(len(body0))+body0+leb(len(b))+b
    return b'\0asm\1\0\0\0'+sec(1,types)+sec(3,f)+sec(10,code)
w('brt2.wasm',brt2(5000,1000))
w('brt2s.wasm',brt2(500,1000))
# deep blocks
w('blocks.wasm',module(void,1,b'\0'+b'\x02\x40'*300000+b'\x0b'*300001))
w('nops.wasm',module(void,1,b'\0'+b'\x41\1\x1a'*340000+b'\x0b'))
# 1 MiB function of loads and adds through locals
import random
random.seed(1)
def big(n,nl):
    b=b'\1'+leb(nl)+b'\x7f'
    out=[b]
    for i in range(n):
        a,c,d=(random.randrange(nl) for _ in range(3))
        out.append(b'\x20'+leb(a)+b'\x20'+leb(c)+b'\x6a\x21'+leb(d))
    return b''.join(out)+b'\x0b'
w('big.wasm',module(void,1,big(120000,3000)))
# types/functions/imports million
w('types.wasm',b'\0asm\1\0\0\0'+sec(1,leb(990000)+b'\x60\0\0'*990000))
w('funcs.wasm',module(void,450000,b'\0\x0b'))
imp=b''.join((b'\x04'+b'%04x'%(i&0xffff)+leb(1)+b'f\0\0') for i in range(900000))
w('imports.wasm',b'\0asm\1\0\0\0'+sec(1,void)+sec(2,leb(900000)+imp))
def joins(m,l):
    b=b'\1'+leb(l)+b'\x7f'+(b'\x02\x40\x20\0\x0d\0\x0b')*m
    for i in range(l): b+=b'\x20'+leb(i)+b'\x1a'
    return b+b'\x0b'
for m,l in ((1000,1000),(3000,1300)): w(f'joins{m}x{l}.wasm',module(void,1,joins(m,l)))
w('loops2000x2000.wasm',module(void,1,loops(2000,2000)))
w('big.wasm',module(void,1,big(100000,3000)))
