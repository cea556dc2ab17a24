//! The way in and out; the crates that it uses are there on WASI alone.

use std::{
    cell::RefCell,
    io::{self, Read, Write},
};

use meter_reader::{
    GRAPH, MOST_A_FRAME,
    locate::DIGITS,
    normalize::{DIMENSIONS, Normalizer},
    reading::{CLASSES, History, Reading},
    register,
};
use wasi_nn::{
    ExecutionTarget, Graph, GraphBuilder, GraphEncoding, GraphExecutionContext, TensorType,
};

/// What `handle` returns for a fault, and the sentence that goes to standard error.
struct Fault(i32, String);

impl Fault {
    fn invalid_frame(error: &impl ToString) -> Self {
        Self(1, error.to_string())
    }

    fn inference(sentence: String) -> Self {
        Self(2, sentence)
    }

    fn internal(error: &impl ToString) -> Self {
        Self(3, error.to_string())
    }
}

thread_local! {
    static READER: RefCell<Option<Reader>> = const { RefCell::new(None) };
}

/// The host's call, once a frame.
// SAFETY: no other function of the module has this name.
#[unsafe(no_mangle)]
extern "C" fn handle() -> i32 {
    let handled = READER.with_borrow_mut(|reader| match reader {
        Some(reader) => reader.handle(),
        None => reader.insert(Reader::new()?).handle(),
    });
    match handled {
        Ok(()) => 0,
        Err(Fault(code, sentence)) => {
            // Where not even this can be written, the code alone says what happened.
            io::stderr().write_all(sentence.as_bytes()).ok();
            code
        }
    }
}

struct Reader {
    context: GraphExecutionContext<'static>,
    normalizer: Normalizer,
    history: History,
    frame: Vec<u8>,
}

impl Reader {
    fn new() -> Result<Self, Fault> {
        let refused =
            |error| Fault::inference(format!("the graph `{GRAPH}` is not there: {error}"));
        let graph = GraphBuilder::new(GraphEncoding::Onnx, ExecutionTarget::CPU)
            .build_from_cache(GRAPH)
            .map_err(refused)?;
        // The interface has nothing to give a graph back with, and there is one.
        let graph: &'static Graph = Box::leak(Box::new(graph));
        Ok(Self {
            context: graph.init_execution_context().map_err(refused)?,
            normalizer: Normalizer::default(),
            history: History::new(MOST_A_FRAME),
            frame: Vec::new(),
        })
    }

    fn handle(&mut self) -> Result<(), Fault> {
        let reading = self.read().inspect_err(|_| self.history.missed())?;
        let plausible = self.history.judge(reading.value());
        let mut out = io::stdout();
        out.write_all(reading.json(plausible).as_bytes())
            .and_then(|()| out.flush())
            .map_err(|error| Fault::internal(&error))
    }

    fn read(&mut self) -> Result<Reading, Fault> {
        self.frame.clear();
        io::stdin()
            .read_to_end(&mut self.frame)
            .map_err(|error| Fault::internal(&error))?;
        let register = register(&self.frame).map_err(|fault| match fault {
            meter_reader::Fault::InvalidFrame(sentence) => Fault::invalid_frame(&sentence),
            other => Fault::internal(&other),
        })?;
        let input = self.normalizer.input(&register);
        let input = input.map_err(|error| Fault::internal(&error))?;
        let mut scores = [0.0_f32; DIGITS * CLASSES];
        let refused = |error| Fault::inference(format!("the inference was refused: {error}"));
        self.context
            .set_input(
                0,
                TensorType::F32,
                &DIMENSIONS.map(|size| size as usize),
                input,
            )
            .map_err(refused)?;
        self.context.compute().map_err(refused)?;
        let bytes = self.context.get_output(0, &mut scores).map_err(refused)?;
        let scores = scores.get(..bytes / size_of::<f32>()).unwrap_or_default();
        Reading::from_scores(scores).ok_or_else(|| {
            Fault::inference(format!(
                "expected {CLASSES} scores for each of {DIGITS} digits, got {} in all: check the model",
                scores.len()
            ))
        })
    }
}
