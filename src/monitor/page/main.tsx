/**
 * Starts the page: takes a key out of the address if someone put one there, sets the colours, and mounts the shell. The
 * browser loads it from `index.html`.
 */
import { render } from 'preact';
import 'uplot/dist/uPlot.min.css';
import './style/base.css';
import './style/parts.css';
import './style/run.css';
import './style/tables.css';
import { takeKeyFromAddress } from './api.ts';
import { applyTheme, Shell } from './shell.tsx';

takeKeyFromAddress();
applyTheme();
render(<Shell />, document.getElementById('app')!);
