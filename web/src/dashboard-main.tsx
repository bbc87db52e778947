import { render } from 'preact';
import { App } from './dashboard-app.tsx';
import './style.css';
import './parts/parts.css';

const root = document.getElementById('app');
if (root) render(<App />, root);
